/** Whether the credentials may do what the backend does, asked of the API server itself, without side effects. */
import { FlameLaunchError } from '@flamejs/queue';
import type { Api } from './api.ts';
import { kubernetesError } from './errors.ts';

const VERBS = ['get', 'list', 'watch', 'create', 'delete'] as const;

/** @throws FlameLaunchError of kind `auth` that names every missing verb */
export const checkRights = async (api: Api, namespace: string, signal: AbortSignal): Promise<void> => {
  const answers = await Promise.all(
    VERBS.map(async (verb) => {
      try {
        const body = {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { namespace, verb, resource: 'pods' } },
        };
        const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
        const review = (await api.send({ method: 'POST', path, body }, signal)) as {
          readonly status?: { readonly allowed?: boolean };
        };
        return { verb, allowed: review.status?.allowed === true };
      } catch (error) {
        throw kubernetesError(`say whether pods may be ${verb}`, error);
      }
    }),
  );
  const missing = answers.filter(({ allowed }) => !allowed).map(({ verb }) => verb);
  if (missing.length === 0) return;
  throw new FlameLaunchError(
    `kubernetes(): the autoscaler may not ${missing.join(', ')} pods in the namespace ${namespace}`,
    { kind: 'auth', advice: 'Give its service account the Role of docker/kubernetes/base/rbac.yaml.' },
  );
};
