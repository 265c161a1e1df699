/** Everything that may settle a promise, in every order: it settles once, with one of what was offered. */

import type { Outcome } from '@flamejs/protocol/outcome';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bySize } from '../../../../tests/support/tier.ts';
import { createPendingCalls, type Settler } from '../../src/client/pending.ts';

const outcome = (generation: number, text: string): Outcome => ({
  generation,
  head: { ok: true, kind: 'value', message: '', attempts: 1, runnerLosses: 0, runnerId: 'r', startedAt: 0, size: 1 },
  body: Buffer.from(text),
});

const EVENTS = [
  'reply',
  'reply again',
  'poll',
  'old generation',
  'expiry',
  'removed',
  'close',
  'unknown',
  'abort',
] as const;
type Event = (typeof EVENTS)[number];

test('P10 AW-06 a call settles once, whatever the order of reply, poll, expiry, removal, abort and close', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.uniqueArray(fc.constantFrom(...EVENTS), { minLength: 1 }),
      fc.integer({ min: 1, max: 3 }),
      async (scheduler, events, waiters) => {
        const pending = createPendingCalls();
        const seen: string[][] = [];
        const settlers: Settler[] = Array.from({ length: waiters }, () => {
          const mine: string[] = [];
          seen.push(mine);
          return {
            resolve: (o) => void mine.push(Buffer.from(o.body).toString()),
            reject: (error) => void mine.push(String(error)),
          };
        });
        for (const settler of settlers) pending.add('main.a', 'main', settler).generation = 2;
        const offered = new Set<string>();
        let aborted = false;
        const act = (event: Event): void => {
          if (event === 'old generation') pending.settle('main.a', outcome(1, 'old'));
          else if (event === 'unknown') pending.settle('main.b', outcome(1, 'unknown'));
          else if (event === 'abort') {
            // The first waiter goes; the others wait on.
            aborted = seen[0]?.length === 0;
            pending.remove('main.a', settlers[0] as Settler);
          } else {
            offered.add(event);
            if (event === 'close') pending.failAll(() => 'close');
            else if (event === 'expiry' || event === 'removed') pending.fail('main.a', event);
            else pending.settle('main.a', outcome(2, event));
          }
        };
        for (const event of events) void scheduler.schedule(Promise.resolve(event), event).then(act);
        await scheduler.waitAll();
        const settles = events.some((event) => !['old generation', 'unknown', 'abort'].includes(event));
        seen.forEach((mine, index) => {
          const gone = index === 0 && aborted;
          expect(mine.length).toBe(settles && !gone ? 1 : 0);
          for (const value of mine) expect(offered).toContain(value);
        });
        expect(new Set(seen.filter((mine) => mine.length > 0).map(([value]) => value)).size).toBeLessThanOrEqual(1);
        const waitsOn = !settles && !(aborted && waiters === 1);
        expect([pending.size, pending.count('main')]).toEqual(waitsOn ? [1, 1] : [0, 0]);
      },
    ),
    { numRuns: bySize({ push: 2_000, nightly: 10_000 }) },
  );
});
