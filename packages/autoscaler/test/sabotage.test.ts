/** Each guard is taken out in turn, and the model of P20 must notice: a safety test that cannot fail proves nothing. */
import type { Backend, Instance } from '@flamejs/queue';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUsefulRecord } from '../src/plan/counts.ts';
import { plan } from '../src/plan/plan.ts';
import { advance } from '../src/record/advance.ts';
import type { Store } from '../src/store/store.ts';
import type { Sabotage } from './model/controllers.ts';
import { type Command, commands, runHistory } from './model/history.ts';

/** Generous: most are found within the first ten. */
const MOST_RUNS = 300;

/** @returns the first violation of this kind, which only the missing guard can explain. */
const firstViolation = async (
  sabotage: Sabotage,
  kind: RegExp,
  arbitrary: fc.Arbitrary<Command> = commands,
): Promise<string> => {
  const property = fc.asyncProperty(fc.array(arbitrary, { minLength: 100, maxLength: 100 }), async (history) => {
    const { violations } = await runHistory(history, { sabotage });
    const found = violations.find((violation) => kind.test(violation));
    if (found !== undefined) throw new Error(found);
  });
  const result = await fc.check(property, { numRuns: MOST_RUNS, endOnFailure: true });
  return String((result.errorInstance as Error | undefined)?.message ?? 'nothing was noticed');
};

/** An object whose prototype is the original, so that what is not replaced goes on as before. */
const over = <T extends object>(original: T, change: Partial<T>): T =>
  new Proxy(original, {
    get: (target, name, receiver) =>
      name in change ? change[name as keyof T] : (Reflect.get(target, name, receiver) as unknown),
  });

test('without token reuse a repeated launch makes two machines of one record (I2)', async () => {
  let attempts = 1;
  const backend = (original: Backend): Backend =>
    over(original, { launch: (request, signal) => original.launch({ ...request, attempt: attempts++ }, signal) });
  expect(await firstViolation({ backend }, /^I[12] /)).toMatch(/^I[12] /);
}, 600_000);

test('without the physical count machines exceed max (I1)', async () => {
  const core = {
    plan: ((input) => {
      const uncounted = input.runners.filter(({ record }) => !isUsefulRecord(record, input.now, input.timing)).length;
      return plan({ ...input, max: input.max + uncounted + input.strays.length });
    }) satisfies typeof plan,
  };
  const store = (original: Store): Store =>
    over(original, {
      reserve: (epoch, records, caps) => original.reserve(epoch, records, { ...caps, max: Number.POSITIVE_INFINITY }),
    });
  expect(await firstViolation({ core, store }, /^I1 /)).toMatch(/^I1 /);
}, 600_000);

test('without the drain acknowledgement busy runners are killed (I3)', async () => {
  const core = {
    mayTerminate: () => true,
    advance: ((record, seen, now, timing) => {
      const step = advance(record, seen, now, timing);
      if (step.record.state !== 'draining' || step.record.drain === null) return step;
      const drain = { ...step.record.drain, acknowledged: true };
      return { ...step, record: { ...step.record, state: 'terminating', grounds: 'drained', drain } };
    }) satisfies typeof advance,
  };
  // Lulls about as long as runners may idle, then work: drains and calls meet.
  const lulls = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 18, max: 28 }) }),
    fc.record({ kind: fc.constant('enqueue' as const), calls: fc.integer({ min: 3, max: 8 }) }),
  );
  expect(await firstViolation({ core }, /^I3 /, lulls)).toMatch(/^I3 /);
}, 600_000);

test('when unknown is read as nothing, machines are doubled, killed or forgotten', async () => {
  const store = (original: Store): Store =>
    over(original, {
      observe: async (pool, ids, due) => {
        try {
          return await original.observe(pool, ids, due);
        } catch {
          const nothing = { waiting: 0, prioritized: 0, active: 0, dueSoon: 0, oldestWaitAt: null, paused: false };
          return { ...nothing, now: 0, agents: [], settings: {}, orders: [], releases: [] };
        }
      },
      intents: async () => {
        try {
          return await original.intents();
        } catch {
          return [];
        }
      },
    });
  const backend = (original: Backend): Backend =>
    over(original, {
      list: async (app, signal): Promise<readonly Instance[]> => {
        try {
          return await original.list(app, signal);
        } catch {
          return [];
        }
      },
    });
  expect(await firstViolation({ store, backend }, /^I[1-6] /)).toMatch(/^I[1-6] /);
}, 600_000);
