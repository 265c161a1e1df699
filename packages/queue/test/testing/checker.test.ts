/** The oracle must find each kind of fault by itself: a run made up by hand, with one thing wrong at a time. */
import { expect, test } from 'vitest';
import {
  check,
  type Effect,
  effectLine,
  type LedgerEntry,
  NEVER,
  parseEffects,
  type RunLogs,
} from '../../src/testing/index.ts';

const effect = (type: 'start' | 'end', at: number, changes: Partial<Effect> = {}): Effect => ({
  type,
  key: 'a',
  callId: 'main.1',
  attempt: 1,
  pid: 10,
  at,
  ...changes,
});
const ledger = (...more: LedgerEntry[]): LedgerEntry[] => [
  { type: 'invoke', key: 'a', at: 0 },
  { type: 'ack', key: 'a', at: 1, callId: 'main.1' },
  ...more,
];
const ok: LedgerEntry = { type: 'settle', key: 'a', at: 100, ok: true, value: 'A' };
const good: RunLogs = {
  ledger: ledger(ok),
  effects: [effect('start', 10), effect('end', 50)],
  commits: [{ callId: 'main.1', ok: true, attempt: 1, at: 60 }],
  faults: [],
};
const verdict = (changes: Partial<RunLogs>) => check({ ...good, ...changes }, { model: (key) => key.toUpperCase() });

test('a run in which nothing went wrong is clean', () => {
  const clean = verdict({});
  for (const property of NEVER) expect(clean[property]).toEqual([]);
  expect(clean).toMatchObject({ invoked: 1, succeeded: 1, restarted: 0, completedTwice: 0, overlapping: [] });
});

test.each<[string, Partial<RunLogs>]>([
  ['lost', { ledger: ledger(), commits: [] }],
  ['unsettled', { ledger: ledger() }],
  ['resettled', { ledger: ledger(ok, ok) }],
  ['wrong', { ledger: ledger({ ...ok, value: 'B' } as LedgerEntry) }],
  ['unexpected', { effects: [...good.effects, effect('start', 20, { key: 'b', callId: 'main.2' })] }],
  ['ghosts', { ledger: ledger({ type: 'settle', key: 'a', at: 100, ok: false, error: { enqueued: 'no' } }) }],
  [
    'stale',
    {
      effects: [...good.effects, effect('start', 20, { attempt: 2, pid: 11 })],
      commits: [{ callId: 'main.1', ok: true, attempt: 1, at: 500 }],
      faults: [{ kind: 'freeze', at: 15 }],
    },
  ],
  ['enqueuedTwice', { effects: [...good.effects, effect('start', 70, { attempt: 2, pid: 11 })] }],
])('it finds calls that are %s', (property, changes) => {
  const found = verdict(changes) as unknown as Record<string, string[]>;
  expect(found[property]?.length).toBe(1);
});

test('one call under two ids was enqueued twice, whatever else happened', () => {
  const effects = [...good.effects, effect('start', 70, { callId: 'main.2', pid: 11 })];
  expect(verdict({ effects, faults: [{ kind: 'kill', at: 60 }] }).enqueuedTwice).toEqual(['a']);
});

test('a re-run after a fault of its own process is explained; after a fault of another one it is not', () => {
  const effects = [
    effect('start', 10),
    effect('start', 70, { attempt: 2, pid: 11 }),
    effect('end', 90, { attempt: 2, pid: 11 }),
  ];
  expect(verdict({ effects, faults: [{ kind: 'kill', at: 40, pids: [10] }] })).toMatchObject({
    enqueuedTwice: [],
    restarted: 1,
    overlapping: [],
  });
  expect(verdict({ effects, faults: [{ kind: 'kill', at: 40, pids: [99] }] }).enqueuedTwice).toEqual(['a']);
});

test('late renewals explain a re-run of the calls that they name, and of no other', () => {
  const effects = [...good.effects, effect('start', 70, { attempt: 2, pid: 11 })];
  const late = (callIds: string[]) => ({ kind: 'late-renewal', at: 20, until: 80, callIds });
  expect(verdict({ effects, faults: [late(['main.1'])] }).enqueuedTwice).toEqual([]);
  expect(verdict({ effects, faults: [late(['main.2'])] }).enqueuedTwice).toEqual(['a']);
});

test('two attempts alive at the same time overlap', () => {
  const effects = [
    effect('start', 10),
    effect('start', 200, { attempt: 2, pid: 11 }),
    effect('end', 500),
    effect('end', 600, { attempt: 2, pid: 11 }),
  ];
  expect(verdict({ effects, faults: [{ kind: 'freeze', at: 20, until: 480, pids: [10] }] })).toMatchObject({
    overlapping: ['a'],
    completedTwice: 1,
  });
});

test('effects survive being written and read, but for a line that a kill cut short', () => {
  expect(parseEffects(`${good.effects.map(effectLine).join('')}start a main.1 2`)).toEqual(good.effects);
});
