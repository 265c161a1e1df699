/** A backend on the fake region, and launch requests for it. */
import type { Backend, LaunchRequest } from '@flamejs/queue';
import { afterEach } from 'vitest';
import { ARM_IMAGE, type FakeEc2, type FakeEc2Options, startFakeEc2 } from '../../../../tests/fake-ec2/index.ts';
import { type Ec2Options, ec2 } from '../../src/backends/ec2/index.ts';

export const SUBNETS = ['subnet-0aaaaaaaaaaaaaaa1', 'subnet-0bbbbbbbbbbbbbbb1', 'subnet-0ccccccccccccccc1'] as const;
export const never = new AbortController().signal;

const cleanups: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
export const atEnd = (cleanup: () => Promise<unknown> | undefined): void => {
  cleanups.push(cleanup);
};

export const options = (cloud: FakeEc2, more: Partial<Ec2Options> = {}): Ec2Options => ({
  region: cloud.region,
  endpoint: cloud.endpoint,
  credentials: cloud.credentials,
  instanceTypes: ['c7g.large'],
  subnets: [SUBNETS[0]],
  ami: ARM_IMAGE,
  securityGroups: ['sg-0123456789abcdef0'],
  iamInstanceProfile: 'flame-runner',
  application: { image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:42' },
  secrets: { redisUrl: { ssm: '/shop/redis-url' } },
  ...more,
});

/** @returns the fake and a backend on it; both are closed after the test. */
export const setup = async (
  fake: FakeEc2Options = {},
  more: Partial<Ec2Options> = {},
): Promise<{ cloud: FakeEc2; backend: Backend }> => {
  const cloud = await startFakeEc2(fake);
  atEnd(() => cloud.close());
  return { cloud, backend: backendOn(cloud, more) };
};

/** Another backend on the same region: what a controller that starts anew has, without the memory of the first. */
export const backendOn = (cloud: FakeEc2, more: Partial<Ec2Options> = {}): Backend => {
  const backend = ec2(options(cloud, more));
  atEnd(() => backend.close?.());
  return backend;
};

export const request = (more: Partial<LaunchRequest> = {}): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: 'images-abcdef-0000000000aa',
  attempt: 1,
  release: 'r1',
  maxConcurrency: 2,
  env: { FLAME_APP: 'shop', FLAME_POOL: 'images', FLAME_RUNNER_ID: more.runnerId ?? 'images-abcdef-0000000000aa' },
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
