/** Who a runner says that its time belonged to. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMachineTime } from '../src/machine-time.ts';

test('each moment is split evenly over the calls that execute in it, and all shares add up to the time that passed', () => {
  const step = fc.record({ ms: fc.integer({ min: 0, max: 5_000 }), call: fc.nat(4), drains: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = 0;
      const shares = new Map<string, number>();
      const perCall = new Map<string, number>();
      const add = (to: Map<string, number>, key: string, ms: number): void => void to.set(key, (to.get(key) ?? 0) + ms);
      const time = createMachineTime({
        onShare: (name, ms) => add(shares, name, ms),
        onCall: (id, ms) => add(perCall, id, ms),
        now: () => now,
      });
      const running = new Set<number>();
      const expected = { busyMs: 0, idleMs: 0, drainMs: 0 };
      let draining = false;
      for (const { ms, call, drains } of steps) {
        now += ms;
        expected[running.size > 0 ? 'busyMs' : draining ? 'drainMs' : 'idleMs'] += ms;
        if (running.delete(call)) time.end(`c${call}`);
        else {
          running.add(call);
          time.begin(`c${call}`, `f${call % 2}`);
        }
        draining = drains;
        time.drains(drains);
      }
      expect(time.totals()).toEqual(expected);
      const sumOf = (values: Iterable<number>): number => [...values].reduce((sum, ms) => sum + ms, 0);
      expect(sumOf(shares.values())).toBeCloseTo(expected.busyMs, 3);
      expect(sumOf(perCall.values())).toBeLessThanOrEqual(expected.busyMs + 1e-3);
    }),
  );
});

test('two calls at once have half of the machine each; a call of less than a second has no line of its own', () => {
  let now = 0;
  const told: [string, number][] = [];
  const shares: [string, number][] = [];
  const time = createMachineTime({
    onShare: (...share) => shares.push(share),
    onCall: (...share) => told.push(share),
    now: () => now,
  });
  time.begin('long', 'f');
  now = 1_000;
  time.begin('short', 'g');
  now = 1_800;
  time.end('short');
  now = 2_000;
  time.end('long');
  expect(shares).toEqual([
    ['f', 1_000],
    ['f', 400],
    ['g', 400],
    ['f', 200],
  ]);
  expect(told).toEqual([
    ['long', 1_000],
    ['long', 600],
  ]);
});
