import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { problemsOf } from '../../../../tests/fake-kubernetes/schema.ts';
import { bySize } from '../../../../tests/support/tier.ts';
import { commands, runHistory } from '../model/history.ts';
import { modelCluster } from './model-cluster.ts';

const RUNS = Number(process.env.FLAME_MODEL_RUNS ?? bySize({ push: 8, nightly: 2_000 }));

// The models are loaded from the disk: in the model's time nothing may wait for that.
beforeAll(async () => {
  const { podSpec } = await import('../../src/backends/kubernetes/pod-spec.ts');
  const { parseOptions } = await import('../../src/backends/kubernetes/parse-options.ts');
  const request = {
    app: 'a',
    pool: 'p',
    runnerId: 'r',
    attempt: 1,
    release: '1',
    maxConcurrency: 1,
    env: { A: 'b' },
    secrets: {},
  };
  const pod = podSpec(request, parseOptions({ image: 'a' }), { image: 'a', pullSecrets: [], owner: undefined });
  expect(await problemsOf(pod)).toEqual([]);
  const end = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u' }, gracePeriodSeconds: 0 };
  expect(await problemsOf(end)).toEqual([]);
});

test(
  `I1-I12 hold in ${RUNS} random histories on the cluster: watches that lag, are cut or fall silent, quotas, no room, lost nodes, forbidden verbs`,
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(commands, { minLength: 100, maxLength: 100 }), async (history) => {
        const { violations } = await runHistory(history, { backend: modelCluster });
        expect(violations).toEqual([]);
      }),
      {
        numRuns: RUNS,
        ...(process.env.FLAME_MODEL_SEED === undefined ? {} : { seed: Number(process.env.FLAME_MODEL_SEED) }),
      },
    ),
  3_600_000,
);
