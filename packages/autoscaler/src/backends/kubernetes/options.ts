/** What a user may say to `kubernetes()`. */
import type { Bytes, Duration } from '@flamejs/queue';
import type { ByRelease } from '../by-release.ts';

/** A key of a Secret in the runners' namespace. */
export interface SecretKey {
  readonly name: string;
  readonly key: string;
  /** Mounted as a file that is named to the runner as `…_FILE`, in place of an environment variable. Default false. */
  readonly file?: boolean;
}

/** Merged under what this backend sets; a field that both set to different values is refused with its path. */
export interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** Of a PodSpec. The runner's container is the one named `runner`; others are sidecars. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface KubernetesOptions {
  /**
   * The application's image, with its runner; a function gives the image of a release, so that a pool can roll over to the
   * release that calls wait for. Default: inside a cluster, the image of the autoscaler's own pod, by its digest, with that
   * pod's pull secrets; it needs the right to `get` pods, and FLAME_POD_NAME and FLAME_POD_NAMESPACE by the downward API.
   */
  readonly image?: ByRelease;
  /** Names of Secrets with which the image is pulled. Default: those of the autoscaler's own pod when the image is its own. */
  readonly imagePullSecrets?: readonly string[];
  /** Where runners run. Default: FLAME_POD_NAMESPACE, the pod's own namespace, the kubeconfig's, `default`, in this order. */
  readonly namespace?: string;
  /** A kubeconfig file. Default: what the client finds: KUBECONFIG, `~/.kube/config`, or the pod's service account. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current one. */
  readonly context?: string;
  /** The runners' service account, which needs no rights; its token is not mounted. Default `'flame-runner'`. */
  readonly serviceAccount?: string;
  /** Default `['node_modules/.bin/flame', 'runner']`, relative to the image's working directory. */
  readonly command?: readonly string[];
  /** The config file, relative to that directory. Default: the file name of the one that the controller has loaded. */
  readonly config?: string;
  /** Numeric `uid:gid`. Default `'1000:1000'`; root is refused. */
  readonly user?: string;
  /** Request and limit of the runner's container, `'1GB'`. Default: no limit, so that a call can use up its node. */
  readonly memory?: Bytes;
  /** CPUs that the runner's container requests; `0.5` is half of one. It may use more when its node has it. Default: none. */
  readonly cpus?: number;
  /** Size of the writable `/tmp`, on the node's disk. Default `'1GB'`; the rest of the file system is read-only. */
  readonly tmp?: Bytes;
  /**
   * Where the secrets are, so that they stand in no pod: keys of Secrets. `'env'` puts the values into the pods, which
   * everybody reads who may read pods. Without it a launch that has a secret to pass is refused.
   */
  readonly secrets?:
    | 'env'
    | { readonly redisUrl?: SecretKey; readonly signingKey?: SecretKey; readonly encryptionKeys?: SecretKey };
  /** Node selectors, tolerations, volumes, sidecars and whatever else a pod may have. Default none. */
  readonly podTemplate?: PodTemplate;
  /**
   * `true`: pods belong to the Deployment of the autoscaler's own pod, and deleting it deletes them, busy ones too. Needs the
   * right to `get` replicasets. Default false: they end by themselves when nobody leads them.
   */
  readonly owned?: boolean;
  /** `true`: asks for a pod's events while it cannot be scheduled, which tells at once that the cluster will not grow. Needs the right to `list` events. Default false. */
  readonly events?: boolean;
  /**
   * Seconds after which the kubelet ends a pod whatever it does (`activeDeadlineSeconds`), as the last resort against a
   * runner that hangs where nobody can see it. Default none; at least the longest call and `shutdownTimeout` more than you
   * ever let a runner live.
   */
  readonly maxLifetime?: Duration;
  /** How long one request may take before its outcome counts as unknown. Default `'10s'`. */
  readonly requestTimeout?: Duration;
}

export interface KubernetesSettings {
  readonly image: ByRelease | undefined;
  readonly imagePullSecrets: readonly string[] | undefined;
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly serviceAccount: string;
  readonly command: readonly string[];
  readonly config: string | undefined;
  readonly user: number;
  readonly group: number;
  readonly memory: number | undefined;
  readonly cpus: number | undefined;
  readonly tmp: number;
  readonly secrets: 'env' | Readonly<Record<string, SecretKey>>;
  readonly podTemplate: PodTemplate;
  readonly owned: boolean;
  readonly events: boolean;
  readonly maxLifetimeMs: number | undefined;
  readonly requestTimeoutMs: number;
}
