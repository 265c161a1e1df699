/** Runners that die, freeze and are replaced under load (fault-testing.md 5.1). */
import { afterEach, expect, test } from 'vitest';
import { bySize } from '../support/tier.ts';
import { type Chaos, expectClean, pause, startChaos } from './harness.ts';

const pools = { main: { max: 4, maxConcurrency: 10, timeout: '30s' } } as const;
let chaos: Chaos;
afterEach(() => chaos.stop());

test('R-01 P12 F11 a runner SIGKILLed every second loses, hangs, rejects and doubles no call', {
  timeout: 400_000,
}, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const calls = bySize({ push: 1_500, nightly: 10_000 });
  let kills = 0;
  const verdict = await chaos.run({ calls, inFlight: 200, work: [50, 150] }, async (stop) => {
    while (!stop.aborted) {
      await pause(1_000, stop);
      if (stop.aborted) return;
      await chaos.killRunner(kills % 2);
      kills += 1;
    }
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
  expect(verdict.succeeded).toBe(calls);
  expect(kills).toBeGreaterThan(2);
  // Every kill can make each of the runner's slots start again, and no more.
  expect(verdict.restarted).toBeLessThanOrEqual(kills * 10);
});

test('R-04 P13 a runner frozen past its locks and continued commits nothing stale', { timeout: 200_000 }, async () => {
  chaos = await startChaos({ pools });
  await chaos.startRunners(2);
  const calls = bySize({ push: 600, nightly: 2_000 });
  const verdict = await chaos.run({ calls, inFlight: 100, work: [50, 150] }, async (stop) => {
    await pause(1_000, stop);
    const frozen = chaos.runners[0];
    if (frozen === undefined) return;
    const fault = chaos.note('freeze', [frozen]);
    frozen.process.signal('SIGSTOP');
    await pause(8_000, stop);
    frozen.process.signal('SIGCONT');
    fault.over();
    await pause(500, stop);
  });
  expectClean(verdict, chaos.seed, calls);
  expect(verdict.rejected).toEqual([]);
});
