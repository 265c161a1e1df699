import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { commands, runHistory } from './model/history.ts';

const RUNS = Number(process.env.FLAME_MODEL_RUNS ?? bySize({ push: 100, nightly: 2_000 }));

test(`P20 I1-I12 hold in ${RUNS} random histories of 100 steps with two controllers and a crash at any await`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 100, maxLength: 100 }), async (history) => {
      const { violations } = await runHistory(history);
      expect(violations).toEqual([]);
    }),
    {
      numRuns: RUNS,
      ...(process.env.FLAME_MODEL_SEED === undefined ? {} : { seed: Number(process.env.FLAME_MODEL_SEED) }),
    },
  );
}, 3_600_000);
