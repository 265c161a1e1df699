/** Every second of a machine has one owner, whenever and however often the leader looks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLedger } from '../src/account/ledger.ts';
import { type MachineLook, NO_SHARES, owed, plus, type Shares, sum } from '../src/account/machine-account.ts';
import { priceOf } from '../src/account/prices.ts';
import { newIntent } from '../src/record/intent.ts';

/** A life: accepted, booted or not, then stretches of time that its runner tells of, then an end. */
const life = fc.record({
  bootMs: fc.option(fc.integer({ min: 0, max: 400_000 }), { nil: null }),
  stretches: fc.array(fc.record({ kind: fc.constantFrom('busy', 'idle', 'drain'), ms: fc.nat(100_000) }), {
    maxLength: 12,
  }),
  /** After which stretches the leader looks, and how old what it then knows of the runner is, in stretches. */
  looks: fc.array(fc.record({ after: fc.nat(12), stale: fc.nat(3) }), { maxLength: 20 }),
  tailMs: fc.nat(60_000),
  minimumMs: fc.constantFrom(0, 60_000),
});

test('the shares of a machine add up to its whole life, none is negative, and what its runner told is kept', () => {
  fc.assert(
    fc.property(life, ({ bootMs, stretches, looks, tailMs, minimumMs }) => {
      const told = bootMs === null ? [] : stretches;
      const look = (upTo: number, knownUpTo: number, ended: boolean): MachineLook => {
        const total = (kind: string): number =>
          told.slice(0, knownUpTo).reduce((ms, stretch) => ms + (stretch.kind === kind ? stretch.ms : 0), 0);
        const lived = (bootMs ?? 30_000) + told.slice(0, upTo).reduce((ms, stretch) => ms + stretch.ms, 0);
        return {
          acceptedAt: 1_000,
          readyAt: bootMs === null ? null : 1_000 + bootMs,
          busyMs: total('busy'),
          idleMs: total('idle'),
          drainMs: total('drain'),
          until: 1_000 + lived + (ended ? tailMs : 0),
          ended,
          minimumMs,
        };
      };
      let counted: Shares = NO_SHARES;
      for (const { after, stale } of [...looks].sort((a, b) => a.after - b.after)) {
        const at = Math.min(after, told.length);
        const due = owed(look(at, Math.max(0, at - stale), false), counted);
        expect(Math.min(...Object.values(due))).toBeGreaterThanOrEqual(0);
        counted = plus(counted, due);
        expect(sum(counted)).toBeLessThanOrEqual(look(at, at, false).until - 1_000);
      }
      const last = look(told.length, told.length, true);
      const all = plus(counted, owed(last, counted));
      expect(sum(all)).toBe(Math.max(last.until - 1_000, minimumMs));
      expect(all.calls).toBe(last.busyMs);
      expect(all.idle).toBe(last.idleMs);
      expect(all.drain).toBeGreaterThanOrEqual(last.drainMs);
      if (bootMs === null) expect(all.boot).toBe(sum(all));
    }),
  );
});

const record = (id: string, details: Readonly<Record<string, string>>) => ({
  ...newIntent({ runnerId: id, pool: 'p', backend: 'ec2', release: 'r', slots: 1, env: {}, reason: '' }, 0),
  location: 'us-east-1a',
  details,
  launch: { attempt: 1, outcome: 'accepted' as const, acceptedAt: 0, tries: 1, nextAt: 0, env: {} },
});

test('an hour of m7g.large in us-east-1 costs its list price, an unknown type has hours and no price, and `price` wins', () => {
  expect(priceOf({ price: undefined }, record('a', { type: 'm7g.large', market: 'spot' }))).toEqual({
    perHour: 0.0816,
    minimumMs: 60_000,
  });
  expect(priceOf({ price: undefined }, record('a', { type: 'x99.huge' })).perHour).toBeNull();
  expect(
    priceOf({ price: undefined }, { ...record('a', { type: 'm7g.large' }), location: 'mars-1a' }).perHour,
  ).toBeNull();
  expect(priceOf({ price: 0 }, record('a', { type: 'm7g.large' })).perHour).toBe(0);

  const ledger = createLedger((machine) => priceOf({ price: undefined }, machine));
  ledger.load({});
  const known = record('a', { type: 'm7g.large' });
  const unknown = record('b', { type: 'x99.huge' });
  ledger.look([known, unknown], new Map(), 30 * 60_000);
  ledger.gone(known, undefined, 60 * 60_000);
  ledger.gone(unknown, undefined, 60 * 60_000);
  const counts = ledger.batch()?.counts ?? {};
  expect(counts['ms:boot']).toBe(2 * 3_600_000);
  expect(counts['nano:boot']).toBeCloseTo(0.0816e9, -2);
  expect(counts['unpriced:boot']).toBe(3_600_000);
});

test('a batch stays the same until it was taken, and the next leader goes on where the entry says', () => {
  const price = () => ({ perHour: 1, minimumMs: 0 });
  const first = createLedger(price);
  const machine = record('a', {});
  first.look([machine], new Map(), 100_000);
  expect(first.batch(), 'nothing is counted before the entries are known').toBeUndefined();
  first.load({});
  first.look([machine], new Map(), 160_000);
  const batch = first.batch();
  first.look([machine], new Map(), 170_000);
  expect(first.batch()).toBe(batch);
  expect(batch?.counts['ms:boot']).toBe(100_000);

  const next = createLedger(price);
  next.load({ a: batch?.machines.a ?? '', 'gone-long-ago': '{"price":5,"calls":1}' });
  next.look([machine], new Map(), 160_000);
  next.gone(machine, undefined, 200_000);
  expect(next.batch()).toMatchObject({ counts: { 'ms:boot': 100_000 }, machines: { a: null, 'gone-long-ago': null } });
});
