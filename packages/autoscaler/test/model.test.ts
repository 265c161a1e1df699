import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { commands, type HistoryOptions, runHistory } from './model/history.ts';

const RUNS = Number(process.env.FLAME_MODEL_RUNS ?? bySize({ push: 100, nightly: 2_000 }));
const QUOTA_RUNS = Math.ceil(RUNS / 10);

const allHold = (numRuns: number, options: HistoryOptions): Promise<void> =>
  fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 100, maxLength: 100 }), async (history) => {
      const { violations } = await runHistory(history, options);
      expect(violations).toEqual([]);
    }),
    {
      numRuns,
      ...(process.env.FLAME_MODEL_SEED === undefined ? {} : { seed: Number(process.env.FLAME_MODEL_SEED) }),
    },
  );

test(
  `P20 R-38 SD-17 I1-I12 hold in ${RUNS} random histories of 100 steps with two controllers and a crash at any await`,
  () => allHold(RUNS, {}),
  3_600_000,
);

test(
  `P20 I1 where the quota of the app is less than the pool's max, it holds too, in ${QUOTA_RUNS} such histories`,
  () => allHold(QUOTA_RUNS, { max: 6, quota: 3 }),
  3_600_000,
);
