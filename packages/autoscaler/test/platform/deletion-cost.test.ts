/** Deletion costs by the real client over TLS, against the strict cluster. */
import type { RankedRunner } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { external } from '../../src/backends/external/index.ts';
import { atEnd, never, RUNNER, request, setup } from '../kubernetes/support.ts';

const COST = 'controller.kubernetes.io/pod-deletion-cost';
const ANOTHER = RUNNER.replace(/a$/, 'b');
const signal = (): AbortSignal => AbortSignal.timeout(20_000);

const start = async (verbs: readonly string[]) => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  await backend.launch(request({ runnerId: ANOTHER }), never);
  cloud.user.rules = [{ resources: ['pods'], verbs }];
  const pool = external({ deletionCost: { kubeconfig: cloud.kubeconfig, namespace: 'shop' } });
  atEnd(() => pool.close?.());
  const rank = (...runners: RankedRunner[]) => pool.rank?.(runners, signal());
  const costs = () => [RUNNER, ANOTHER].map((name) => cloud.pod(name).metadata.annotations?.[COST]);
  const patches = () => cloud.requests.filter((line) => line.startsWith('PATCH'));
  return { cloud, rank, costs, patches };
};

test('EX-15 busy pods cost most, parked ones least, written when it changes and with the right to patch alone', async () => {
  const { rank, costs, patches } = await start(['patch']);
  await rank({ host: RUNNER, rank: 'busy' }, { host: ANOTHER, rank: 'parked' });
  expect(costs()).toEqual(['100', '-100']);
  await rank({ host: RUNNER, rank: 'busy' }, { host: ANOTHER, rank: 'parked' });
  expect(patches()).toHaveLength(2);
  await rank({ host: RUNNER, rank: 'idle' }, { host: ANOTHER, rank: 'parked' });
  expect(costs()).toEqual(['0', '-100']);
  expect(patches()).toHaveLength(3);
});

test('EX-15 what was there before stays; a runner in no pod is left alone; what failed is written later', async () => {
  const { cloud, rank, costs, patches } = await start(['patch']);
  const before = { ...cloud.pod(RUNNER).metadata.annotations };
  cloud.next('PATCH', { code: 500, reason: 'InternalError', message: 'etcd is slow' });
  const wanted: RankedRunner[] = [
    { host: RUNNER, rank: 'busy' },
    { host: 'laptop', rank: 'busy' },
  ];
  await expect(rank(...wanted)).rejects.toThrow('etcd is slow');
  await rank(...wanted);
  expect(costs()).toEqual(['100', undefined]);
  expect(cloud.pod(RUNNER).metadata.annotations).toEqual({ ...before, [COST]: '100' });
  expect(patches().filter((line) => line.includes('laptop'))).toEqual([expect.stringContaining('404')]);
});

test('EX-15 without the right to patch it says which right is missing', async () => {
  const { rank, costs } = await start(['get', 'list', 'watch', 'create', 'delete']);
  await expect(rank({ host: RUNNER, rank: 'busy' })).rejects.toThrow(
    /needs the right to patch pods: .*cannot patch resource "pods"/,
  );
  expect(costs()).toEqual([undefined, undefined]);
});
