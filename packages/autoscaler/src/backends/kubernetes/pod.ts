/** The parts of a Pod that are read here, as JSON has them. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly { readonly name: string; readonly image?: string }[];
    readonly imagePullSecrets?: readonly { readonly name?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly imageID?: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: object;
    readonly terminated?: Terminated;
  };
}

export interface Terminated {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface PodList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: readonly Pod[];
}

/** The runner's container: sidecars keep a pod's phase at Running. */
export const RUNNER = 'runner';

export const LABEL = {
  app: 'flame.app',
  pool: 'flame.pool',
  runnerId: 'flame.runner-id',
  release: 'flame.release',
} as const;

export const terminatedOf = (pod: Pod): Terminated | undefined =>
  pod.status?.containerStatuses?.find(({ name }) => name === RUNNER)?.state?.terminated;

export const isEnded = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' || terminatedOf(pod) !== undefined;

export const podsPath = (namespace: string): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;

export const podPath = (namespace: string, name: string): string =>
  `${podsPath(namespace)}/${encodeURIComponent(name)}`;

/** An instance's id names the pod and the one object of that name that was meant. */
export const idOf = ({ metadata }: Pod): string => `${metadata.name}@${metadata.uid}`;

/** @returns `undefined` for what is no id of ours */
export const parseId = (id: string): { readonly name: string; readonly uid: string } | undefined => {
  const [, name, uid] = /^([a-z0-9][-.a-z0-9]*)@([-0-9a-zA-Z]+)$/.exec(id) ?? [];
  return name === undefined || uid === undefined ? undefined : { name, uid };
};
