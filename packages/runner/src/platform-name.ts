/**
 * Under a platform that scales by a number every runner comes from one template, and starts again after each end. Its id is its own,
 * made at each start from where it is: two of one id would answer for each other.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { FlameConfigError } from '@flamejs/queue/errors';

type Env = Readonly<Record<string, string | undefined>>;

const METADATA_MS = 2_000;

/**
 * @returns the pod (FLAME_POD_NAME, else the host's name, which Kubernetes makes the pod's) or, on ECS, the task's id
 * @throws FlameConfigError when the environment says who it is: a template says the same to all
 */
export const platformName = async (env: Env): Promise<string> => {
  if (env.FLAME_RUNNER_ID) {
    const message =
      'must not be set for a pool with external(): the platform starts all runners from one template, so all of them would have this id. Take it out; each start makes its own';
    throw new FlameConfigError(`FLAME_RUNNER_ID ${message}`, { problems: [{ path: 'FLAME_RUNNER_ID', message }] });
  }
  const name = env.FLAME_POD_NAME || (await ecsTask(env.ECS_CONTAINER_METADATA_URI_V4)) || hostname();
  return name.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 100);
};

/** @returns an id that no earlier start of the same pod or task has had */
export const platformRunnerId = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;

/** A container that cannot read its metadata is still somewhere: the host's name will do. */
const ecsTask = async (endpoint: string | undefined): Promise<string | undefined> => {
  if (!endpoint) return undefined;
  try {
    const response = await fetch(`${endpoint}/task`, { signal: AbortSignal.timeout(METADATA_MS) });
    const { TaskARN } = (await response.json()) as { readonly TaskARN?: unknown };
    return typeof TaskARN === 'string' ? TaskARN.split('/').at(-1) : undefined;
  } catch {
    return undefined;
  }
};
