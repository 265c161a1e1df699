/** What a runner takes from the autoscaler's own pod: the image, by digest, and the pull secrets; nothing else. */
import { FlameLaunchError } from '@flamejs/queue';
import type { Api } from './api.ts';
import { kubernetesError } from './errors.ts';
import { type OwnerReference, type Pod, podPath } from './pod.ts';

export interface OwnPod {
  readonly image: string;
  readonly pullSecrets: readonly string[];
  readonly owner: OwnerReference | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/** @throws FlameLaunchError that says what the Deployment lacks */
export const readOwnPod = async (api: Api, env: Env, owned: boolean, signal: AbortSignal): Promise<OwnPod> => {
  const { FLAME_POD_NAME: name, FLAME_POD_NAMESPACE: namespace } = env;
  if (!name || !namespace) {
    throw new FlameLaunchError(
      'kubernetes(): there is no `image`, and the autoscaler does not know its own pod: FLAME_POD_NAME or FLAME_POD_NAMESPACE is missing',
      {
        kind: 'invalid',
        advice: 'Set both from metadata.name and metadata.namespace (downward API), or give `image`.',
      },
    );
  }
  try {
    const pod = (await api.send({ method: 'GET', path: podPath(namespace, name) }, signal)) as Pod;
    const pullSecrets = (pod.spec?.imagePullSecrets ?? []).flatMap((secret) => secret.name ?? []);
    const owner = owned ? await deploymentOf(pod, namespace, api, signal) : undefined;
    return { image: imageOf(pod), pullSecrets, owner };
  } catch (error) {
    throw kubernetesError(`read the autoscaler's own pod ${namespace}/${name}`, error);
  }
};

/** The container that tools take by default, which is the first where nothing else is said. */
const imageOf = (pod: Pod): string => {
  const chosen = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  const container = pod.spec?.containers?.find(({ name }) => name === chosen) ?? pod.spec?.containers?.[0];
  const running = pod.status?.containerStatuses?.find(({ name }) => name === container?.name);
  // By tag it could be another image by now. Some runtimes put a scheme before it; an image that was never in a registry has none.
  const digest = running?.imageID?.replace(/^[a-z-]+:\/\//, '');
  if (digest !== undefined && /^[^@]+@sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  if (container?.image !== undefined) return container.image;
  throw new FlameLaunchError("kubernetes(): the autoscaler's own pod names no image", { kind: 'invalid' });
};

const deploymentOf = async (
  pod: Pod,
  namespace: string,
  api: Api,
  signal: AbortSignal,
): Promise<OwnerReference | undefined> => {
  const [set] = pod.metadata.ownerReferences ?? [];
  if (set?.kind !== 'ReplicaSet') return plain(set);
  const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets/${encodeURIComponent(set.name)}`;
  const { metadata } = (await api.send({ method: 'GET', path }, signal)) as Pod;
  // The next release has another ReplicaSet; the Deployment stays.
  return plain(metadata.ownerReferences?.[0] ?? set);
};

const plain = (owner: OwnerReference | undefined): OwnerReference | undefined =>
  owner && { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, uid: owner.uid };
