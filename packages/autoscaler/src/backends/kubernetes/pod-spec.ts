/** A runner's pod as the API server wants it. Pure. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { FlameLaunchError, type LaunchRequest } from '@flamejs/queue';
import { findOpenSecret } from '../open-secrets.ts';
import { mergeTemplate } from './merge-template.ts';
import type { KubernetesSettings, SecretKey } from './options.ts';
import { LABEL, type OwnerReference, RUNNER } from './pod.ts';

/** What the pod of a runner is made of beside its options: found out at the first launch. */
export interface PodBase {
  readonly image: string;
  readonly pullSecrets: readonly string[];
  readonly owner: OwnerReference | undefined;
}

/** Between the runner's own end and the kubelet's SIGKILL. */
const GRACE_SLACK_MS = 10_000;
/** Where a backend is asked without a pool: the pools' defaults. */
const SHUTDOWN_MS = 31_000;
/** Of a container's memory, for the runner's own process. */
const RUNNER_BYTES = 96 * 1024 ** 2;
/** Of the rest: below it our own limit acts before the kernel's, which would end the whole container. */
const EXECUTOR_SHARE = 0.9;
const SMALLEST_EXECUTOR = 32 * 1024 ** 2;
const SECRETS_FOLDER = '/run/secrets/flame';

export const podSpec = (request: LaunchRequest, settings: KubernetesSettings, base: PodBase): unknown => {
  const { env, mounts, volumes } = environment(request, settings);
  const graceMs = (request.shutdownMs ?? SHUTDOWN_MS) + GRACE_SLACK_MS;
  const ours = {
    metadata: {
      // The name is what makes a launch happen once: the API server gives it to one pod only.
      name: request.runnerId,
      labels: labelsOf(request),
      annotations: {
        [LABEL.release]: request.release,
        // Whoever empties a node for economy leaves runners alone: they end by themselves when they are idle.
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
        'karpenter.sh/do-not-disrupt': 'true',
      },
      ...(base.owner === undefined
        ? {}
        : { ownerReferences: [{ ...base.owner, controller: false, blockOwnerDeletion: false }] }),
    },
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: settings.serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: Math.ceil(graceMs / 1_000),
      ...(settings.maxLifetimeMs === undefined
        ? {}
        : { activeDeadlineSeconds: Math.max(1, Math.round(settings.maxLifetimeMs / 1_000)) }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: settings.user,
        runAsGroup: settings.group,
        fsGroup: settings.group,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(base.pullSecrets.length === 0 ? {} : { imagePullSecrets: base.pullSecrets.map((name) => ({ name })) }),
      containers: [
        {
          name: RUNNER,
          image: base.image,
          // Not `command`: the image's own ENTRYPOINT waits for what calls leave behind.
          args: [...settings.command],
          env,
          ...resourcesOf(settings),
          // What it wrote last then stands in the pod's status, and nobody needs the right to read logs.
          terminationMessagePolicy: 'FallbackToLogsOnError',
          securityContext: {
            allowPrivilegeEscalation: false,
            privileged: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...mounts],
        },
      ],
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: String(settings.tmp) } }, ...volumes],
    },
  };
  return { apiVersion: 'v1', kind: 'Pod', ...mergeTemplate(ours, settings.podTemplate as Record<string, unknown>) };
};

export const labelsOf = (request: Pick<LaunchRequest, 'app' | 'pool' | 'runnerId' | 'release'>) => ({
  'app.kubernetes.io/managed-by': 'flame',
  'app.kubernetes.io/component': 'runner',
  [LABEL.app]: labelText(request.app),
  [LABEL.pool]: labelText(request.pool),
  [LABEL.runnerId]: request.runnerId,
  [LABEL.release]: labelText(request.release),
});

const LABEL_TEXT = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** A text as a label can carry it; one that it cannot is told apart by its hash. */
export const labelText = (text: string): string =>
  LABEL_TEXT.test(text) ? text : `h-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;

const resourcesOf = ({ memory, cpus }: KubernetesSettings): object => {
  const requests = {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(cpus === undefined ? {} : { cpu: `${Math.ceil(cpus * 1_000)}m` }),
  };
  if (Object.keys(requests).length === 0) return {};
  return { resources: { requests, ...(memory === undefined ? {} : { limits: { memory: String(memory) } }) } };
};

/** @returns what each executor may use, bytes: on cgroup v2 the kubelet ends the whole container when it runs out */
export const executorBytes = (memory: number, slots: number): number =>
  Math.max(SMALLEST_EXECUTOR, Math.floor(((memory - RUNNER_BYTES) * EXECUTOR_SHARE) / slots));

interface ContainerEnv {
  readonly env: readonly object[];
  readonly mounts: readonly object[];
  readonly volumes: readonly object[];
}

const environment = (request: LaunchRequest, settings: KubernetesSettings): ContainerEnv => {
  const { FLAME_CONFIG, ...given } = request.env;
  // The controller's path of the config file means nothing in the pod; its name does.
  const config = settings.config ?? (FLAME_CONFIG === undefined ? undefined : basename(FLAME_CONFIG));
  const plain: Record<string, string> = {
    ...given,
    ...(config === undefined ? {} : { FLAME_CONFIG: config }),
    ...(settings.memory === undefined
      ? {}
      : { FLAME_EXECUTOR_MEMORY: String(executorBytes(settings.memory, request.maxConcurrency)) }),
  };
  const references: object[] = [];
  const files: { readonly variable: string; readonly at: SecretKey }[] = [];
  for (const [variable, value] of Object.entries(request.secrets)) {
    const at = settings.secrets === 'env' ? undefined : settings.secrets[variable];
    if (at === undefined) {
      refuseOpen(variable, value, settings);
      plain[variable] = value;
      continue;
    }
    if (findOpenSecret({ [variable]: value }, [...Object.values(given), ...settings.command]) !== undefined)
      throw refusal(
        `the value of ${variable}, or a part of it, would stand in the pod, although \`secrets\` names a Secret for it; take it out of the pool's env`,
      );
    if (at.file === true) files.push({ variable, at });
    else
      references.push({ name: variable, valueFrom: { secretKeyRef: { name: at.name, key: at.key, optional: false } } });
  }
  return {
    env: [
      ...Object.entries(plain).map(([name, value]) => ({ name, value })),
      ...references,
      ...files.map(({ variable }) => ({ name: `${variable}_FILE`, value: `${SECRETS_FOLDER}/${fileName(variable)}` })),
    ],
    mounts: files.map(({ variable, at }) => ({
      name: fileName(variable),
      mountPath: `${SECRETS_FOLDER}/${fileName(variable)}`,
      subPath: at.key,
      readOnly: true,
    })),
    volumes: files.map(({ variable, at }) => ({
      name: fileName(variable),
      secret: { secretName: at.name, defaultMode: 0o440, optional: false },
    })),
  };
};

const fileName = (variable: string): string => variable.toLowerCase().replaceAll('_', '-');

/** A URL without a password may stand anywhere; a secret only where the user has said so. */
const refuseOpen = (variable: string, value: string, { secrets }: KubernetesSettings): void => {
  if (secrets === 'env' || findOpenSecret({ [variable]: value }, [value]) === undefined) return;
  throw refusal(
    `${variable} would stand in the pod, where everybody reads it who may read pods; name a Secret for it in \`secrets\`, or say secrets: 'env'`,
  );
};

const refusal = (message: string): FlameLaunchError =>
  new FlameLaunchError(`kubernetes: ${message}`, { kind: 'invalid' });
