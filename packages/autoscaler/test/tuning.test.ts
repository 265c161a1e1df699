/** Settings of a running pool: what may be stored, and what they would have done with the recent past. */
import { FlameConfigError, type HistorySample } from '@flamejs/queue';
import { parseConfig } from '@flamejs/queue/internal';
import { describe, expect, test } from 'vitest';
import { tuner } from '../src/tuning/index.ts';

const NOW = 1_700_000_000_000;
const poolOf = (more: object = {}) => {
  const input = {
    app: 'tuned',
    redis: 'redis://localhost',
    pools: { work: { max: 10, maxConcurrency: 2, idleShutdownAfter: '10s', scaleDownWindow: '10s', ...more } },
  };
  const context = { root: '/', configFile: undefined, env: { FLAME_RELEASE: 'test' } };
  const pool = parseConfig(input as never, context as never).pools.work;
  if (pool === undefined) throw new Error('the config has no pool');
  return pool;
};

describe('changing settings', () => {
  const pool = poolOf();

  test('numbers, policy, holds and an override become fields of the hash, and take effect together', () => {
    const { set, drop, effective } = tuner.change(
      pool,
      { max: '4', by: 'ada' },
      {
        min: 2,
        buffer: 3,
        max: null,
        policy: [{ name: 'queueDepth' }, { name: 'step', options: [{ calls: 1, runners: 3 }] }],
        paused: 'in',
        override: { desired: 5, forMs: 60_000 },
      },
      NOW,
    );
    expect(drop).toEqual(['max']);
    expect(set).toMatchObject({ min: '2', buffer: '3', paused: 'in' });
    expect(effective).toMatchObject({ min: 2, max: 10, buffer: 3, allowIn: false, allowOut: true });
    expect(effective.policy.name).toBe('combine(queueDepth, step)');
    expect(effective.override).toEqual({ desired: 5, until: NOW + 60_000 });
    // What is stored is what the autoscaler reads.
    const read = tuner.read(pool, { by: 'ada', ...set });
    expect(read.ok && { ...read.effective, policy: read.effective.policy.name }).toEqual({
      ...effective,
      policy: effective.policy.name,
    });
  });

  test.each([
    ['a number below 0', { min: -1 }, /min: expected a whole number from 0 to/],
    ['C-18: a max that the config refuses', { max: 0 }, /max: expected a whole number from 1 to 100000/],
    ['C-18: a max beyond what the config allows', { max: 1e9 }, /max: expected a whole number from 1 to 100000/],
    ['C-18: a buffer of millions', { buffer: 3e7 }, /buffer: expected a whole number/],
    ['C-18: an override of millions', { override: { desired: 3e7, forMs: 1_000 } }, /override: desired: expected/],
    ['a broken number', { max: 1.5 }, /max: a whole number/],
    ['a text for a number', { buffer: 'many' }, /buffer: a whole number/],
    ['an unknown setting', { minimum: 1 }, /minimum: unknown setting; known: min, max/],
    ['min above max', { min: 11 }, /min 11 is larger than max 10/],
    ['an unknown policy', { policy: { name: 'wishful' } }, /policy: unknown policy "wishful"; known: queueDepth/],
    ['no policy at all', { policy: 7 }, /policy: unknown policy/],
    ['a policy without what it needs', { policy: { name: 'waitTime' } }, /policy: /],
    ['a wrong hold', { paused: 'up' }, /paused: in, out or all/],
    ['an override without an end', { override: { desired: 3 } }, /override: until/],
    ['an override of nothing', { override: 5 }, /override: desired/],
  ])('%s is refused by name, and nothing is changed', (_what, change, message) => {
    expect(() => tuner.change(pool, {}, change, NOW)).toThrow(message);
    expect(() => tuner.change(pool, {}, change, NOW)).toThrow(FlameConfigError);
  });

  test('what stood there wrong before is named too, and can be dropped', () => {
    expect(() => tuner.change(pool, { max: 'ten' }, { min: 1 }, NOW)).toThrow(/max: a whole number/);
    expect(tuner.change(pool, { max: 'ten' }, { min: 1, max: null }, NOW).effective).toMatchObject({
      min: 1,
      max: 10,
    });
  });
});

describe('C-18 what already stands in the hash', () => {
  test('C-18: settings that the config would refuse are refused by the autoscaler too, whoever wrote them', () => {
    const read = tuner.read(poolOf(), { max: '1000000000' });
    expect(read).toMatchObject({ ok: false, problems: [expect.stringMatching(/^max: expected a whole number/)] });
    expect(tuner.read(poolOf(), { max: '100000', min: '0' }).ok).toBe(true);
  });
});

describe('replaying the past', () => {
  const still: Omit<HistorySample, 'at'> = {
    waiting: 0,
    dueSoon: 0,
    active: 0,
    oldestWaitMs: 0,
    paused: false,
    ready: 0,
    useful: 0,
    serviceTimeMs: null,
    bootTimeMs: 3_000,
  };
  /** A minute, a sample each second: ten calls between second 10 and 20, for which one runner was there. */
  const past: readonly HistorySample[] = Array.from({ length: 61 }, (_, second) => {
    const busy = second >= 10 && second < 20;
    return {
      ...still,
      at: NOW + second * 1_000,
      waiting: busy ? 8 : 0,
      active: busy ? 2 : 0,
      ready: busy ? 1 : 0,
      useful: busy ? 1 : 0,
    };
  });
  const replayed = (change: object, samples = past, pool = poolOf()) => {
    const { effective } = tuner.change(pool, {}, change as Record<string, unknown>, NOW);
    return tuner.replay(pool, effective, samples);
  };

  test('what was is counted as it was', () => {
    expect(replayed({}).had).toEqual({ runnerMs: 10_000, most: 1, launches: 1, shortMs: 10_000 });
  });

  test('a runner for every two calls: five for as long as they wait and are kept idle, after the boot in no time short', () => {
    const { would, points } = replayed({});
    expect(would).toMatchObject({ most: 5, launches: 5, shortMs: 3_000 });
    expect(points.find(({ at }) => at === NOW + 10_000)).toEqual({ at: NOW + 10_000, had: 1, would: 5 });
    // Wanted until second 20, and kept for ten more.
    expect(points.filter(({ would: n }) => n === 5)).toHaveLength(20);
    expect(points.at(-1)?.would).toBe(0);
  });

  test.each([
    ['a maximum bounds it', { max: 2 }, { most: 2, launches: 2 }],
    ['a minimum stands all the time', { min: 1 }, { most: 5 }],
    ['spare slots are runners too', { buffer: 4 }, { most: 7 }],
    ['nothing is launched while that is held', { paused: 'out' }, { most: 0, launches: 0, shortMs: 10_000 }],
    ['nobody is let go while that is held', { paused: 'in' }, { most: 5, launches: 5 }],
    [
      'an operator’s number stands in the policy’s place',
      { override: { desired: 3, forMs: 1 } },
      { most: 3, launches: 3 },
    ],
  ])('%s', (_what, change, totals) => {
    expect(replayed(change).would).toMatchObject(totals);
  });

  test('held in, they stay to the end; a longer window keeps them longer', () => {
    expect(replayed({ paused: 'in' }).points.at(-1)?.would).toBe(5);
    const { runnerMs } = replayed({}).would;
    expect(replayed({ scaleDownWindowMs: 20_000 }).would.runnerMs).toBe(runnerMs + 5 * 10_000);
    expect(replayed({ scaleDownWindowMs: 0, idleShutdownAfterMs: 0 }).would.runnerMs).toBeLessThan(runnerMs);
  });

  test('runners that were busy are not taken away, whatever the policy says', () => {
    const busy = past.map((sample) => ({ ...sample, waiting: 0, active: 4, ready: 2, useful: 2 }));
    const none = { policy: { name: 'step', options: [{ calls: 1, runners: 0 }] }, scaleDownWindowMs: 0 };
    expect(replayed({ ...none, idleShutdownAfterMs: 0 }, busy).points.at(-1)?.would).toBe(2);
  });

  test('a policy that throws holds, and says so', () => {
    const policy = {
      name: 'broken',
      desired: () => {
        throw new Error('no idea');
      },
    };
    const pool = poolOf({ policy });
    const { would, reasons } = tuner.replay(pool, tuner.configured(pool), past);
    expect(would.launches).toBe(0);
    expect(reasons.join()).toContain('broken failed (no idea): hold');
  });

  test('C-18: a replay with the largest maximum ends soon, and says where it stops', () => {
    const hour = Array.from({ length: 3_600 }, (_, second) => ({
      ...still,
      at: NOW + second * 1_000,
      waiting: 90_000,
    }));
    const before = performance.now();
    const { would, reasons } = replayed({ max: 100_000 }, hour);
    expect(would.most).toBe(2_000);
    expect(reasons.join()).toContain('not more than 2000 runners are replayed');
    expect(performance.now() - before).toBeLessThan(30_000);
  });

  /** Eighty calls of ten seconds come at once; one runner with two slots serves them, after a boot of three seconds. */
  const served = (() => {
    let waiting = 0;
    let ends: number[] = [];
    let lastBusy = Number.NEGATIVE_INFINITY;
    return Array.from({ length: 900 }, (_, second): HistorySample => {
      if (second === 10) waiting = 80;
      ends = ends.filter((end) => end > second);
      if (waiting + ends.length > 0) lastBusy = second;
      // An idle runner is kept for ten seconds.
      const useful = second - lastBusy <= 10 ? 1 : 0;
      const ready = useful === 1 && second >= 13 ? 1 : 0;
      while (ready === 1 && waiting > 0 && ends.length < 2) {
        waiting -= 1;
        ends.push(second + 10);
      }
      const oldestWaitMs = waiting > 0 ? (second - 10) * 1_000 : 0;
      const serviceTimeMs = second < 23 ? null : 10_000;
      const bootTimeMs = second < 13 ? null : 3_000;
      const at = NOW + second * 1_000;
      return {
        at,
        waiting,
        dueSoon: 0,
        active: ends.length,
        oldestWaitMs,
        paused: false,
        ready,
        useful,
        serviceTimeMs,
        bootTimeMs,
      };
    });
  })();

  test('A-17: with nothing changed, what would have been is about what was', () => {
    const { had, would } = replayed({}, served, poolOf({ max: 1 }));
    expect(had.shortMs).toBeGreaterThan(350_000);
    expect(Math.abs(would.shortMs - had.shortMs)).toBeLessThan(0.1 * had.shortMs);
    expect(Math.abs(would.runnerMs - had.runnerMs)).toBeLessThan(0.15 * had.runnerMs);
    expect([would.most, would.launches]).toEqual([had.most, had.launches]);
  });

  test('A-17: more runners serve the same calls sooner, and cost about the same, not so many times as much', () => {
    const one = replayed({}, served, poolOf({ max: 1 })).would;
    const five = replayed({ max: 5 }, served, poolOf({ max: 1 })).would;
    expect(five.most).toBe(5);
    expect(five.shortMs).toBeLessThan(one.shortMs / 3);
    expect(five.runnerMs).toBeLessThan(one.runnerMs * 1.6);
  });

  test('A-17: fewer slots than calls come for leave a queue that grows, and calls shorter than a sample are served too', () => {
    const quick = Array.from({ length: 120 }, (_, second) => ({
      ...still,
      at: NOW + second * 1_000,
      active: 1,
      ready: 1,
      useful: 1,
      serviceTimeMs: 10,
    }));
    const pool = poolOf({ min: 1, max: 1 });
    expect(replayed({}, quick, pool).would).toMatchObject({ most: 1, shortMs: 0 });
    const none = { policy: { name: 'step', options: [{ calls: 1, runners: 0 }] }, min: 0, scaleDownWindowMs: 0 };
    expect(
      replayed({ ...none, idleShutdownAfterMs: 0 }, quick, poolOf({ min: 0, max: 1 })).would.shortMs,
    ).toBeGreaterThanOrEqual(0);
  });

  test('no past is no runners, and no error', () => {
    expect(replayed({}, [])).toMatchObject({ points: [], had: { runnerMs: 0 }, would: { runnerMs: 0 } });
  });
});
