/** The numbers of requests that docs/backends name, counted at the strict fakes: ten machines come, are listed, and go. */
import type { Backend, LaunchRequest } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { startFakeDocker } from '../../../tests/fake-docker/index.ts';
import { FLY_TOKEN, startFakeFly } from '../../../tests/fake-fly/index.ts';
import { startFakeKubernetes } from '../../../tests/fake-kubernetes/index.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { docker } from '../src/backends/docker/index.ts';
import { fly } from '../src/backends/fly/index.ts';
import { kubernetes } from '../src/backends/kubernetes/index.ts';

const MACHINES = 10;
const signal = (): AbortSignal => AbortSignal.timeout(60_000);
const request = (i: number): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: `images-abcdef-00000000000${i}`,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_APP: 'shop' },
  secrets: {},
});

/** @returns how many requests each step took */
const steps = async (backend: Backend, requests: readonly string[]): Promise<Readonly<Record<string, number>>> => {
  const counts: Record<string, number> = {};
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const before = requests.length;
    const result = await work();
    counts[name] = requests.length - before;
    return result;
  };
  await step('launch', () =>
    Promise.all(Array.from({ length: MACHINES }, (_, i) => backend.launch(request(i), signal()))),
  );
  const listed = await step('list', () => backend.list('shop', signal()));
  const ids = listed.map(({ id }) => id);
  const ended = await step('end', () => backend.terminate(ids, signal()));
  expect(ended).toEqual(ids.map((id) => ({ id, ok: true })));
  expect(ids).toHaveLength(MACHINES);
  return counts;
};

test('docker: one request a list, four a launch, two an end', async () => {
  const engine = await startFakeDocker();
  try {
    const counts = await steps(docker({ image: 'shop:1', host: engine.host }), engine.requests);
    expect(counts).toEqual({ launch: 4 * MACHINES, list: 1, end: 2 * MACHINES });
  } finally {
    await engine.close();
  }
});

test('fly: one request a list, two a launch, one an end', async () => {
  const cloud = await startFakeFly();
  const place = { app: 'shop-fly', image: 'registry.fly.io/shop:42', regions: ['fra'] };
  try {
    const counts = await steps(fly({ ...place, token: FLY_TOKEN, endpoint: cloud.endpoint }), cloud.requests);
    expect(counts).toEqual({ launch: 2 * MACHINES, list: 1, end: MACHINES });
  } finally {
    await cloud.close();
  }
});

test('kubernetes: one list and one watch for as long as it runs, one request a launch, one an end', async () => {
  const cloud = await startFakeKubernetes();
  const backend = kubernetes({ kubeconfig: cloud.kubeconfig, image: 'registry.example.com/shop:42' });
  try {
    // The first look opens the watch; from then on nothing is asked.
    expect(await backend.list('shop', signal())).toEqual([]);
    await waitFor(() => cloud.requests.length === 2, { what: 'the list and the watch' });
    const counts = await steps(backend, cloud.requests);
    expect(counts).toEqual({ launch: MACHINES, list: 0, end: MACHINES });
  } finally {
    await backend.close?.();
    await cloud.close();
  }
});
