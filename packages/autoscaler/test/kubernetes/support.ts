/** A backend on the fake cluster, and launch requests for it. */
import type { Backend, LaunchRequest } from '@flamejs/queue';
import { afterEach } from 'vitest';
import { type FakeKubernetes, type FakeOptions, startFakeKubernetes } from '../../../../tests/fake-kubernetes/index.ts';
import { type KubernetesOptions, kubernetes } from '../../src/backends/kubernetes/index.ts';

export const IMAGE = 'registry.example.com/shop:42';
export const never = new AbortController().signal;

const cleanups: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
export const atEnd = (cleanup: () => Promise<unknown> | undefined): void => {
  cleanups.push(cleanup);
};

export const options = (cloud: FakeKubernetes, more: KubernetesOptions = {}): KubernetesOptions => ({
  kubeconfig: cloud.kubeconfig,
  image: IMAGE,
  secrets: { redisUrl: { name: 'shop', key: 'redis-url' } },
  ...more,
});

/** @returns the fake and a backend on it; both are closed after the test. */
export const setup = async (
  more: KubernetesOptions = {},
  fake: FakeOptions = {},
): Promise<{ cloud: FakeKubernetes; backend: Backend }> => {
  const cloud = await startFakeKubernetes(fake);
  atEnd(() => cloud.close());
  return { cloud, backend: backendOn(cloud, more) };
};

/** Another backend on the same cluster: what a controller that starts anew has, without the memory of the first. */
export const backendOn = (cloud: FakeKubernetes, more: KubernetesOptions = {}): Backend => {
  const backend = kubernetes(options(cloud, more));
  atEnd(() => backend.close?.());
  return backend;
};

export const RUNNER = 'images-abcdef-aaaaaaaaaaaa';

export const request = (more: Partial<LaunchRequest> = {}): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: RUNNER,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 2,
  shutdownMs: 31_000,
  env: { FLAME_APP: 'shop', FLAME_POOL: 'images', FLAME_RUNNER_ID: more.runnerId ?? RUNNER },
  secrets: { FLAME_REDIS_URL: 'redis://:canary-password@10.0.0.5:6379/0' },
  ...more,
});

export const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
