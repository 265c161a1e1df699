/** The simulator: the real controller serves traces on a virtual clock. */
import { FlameConfigError, type HistorySample, type Trace, type TracedCall } from '@flamejs/queue';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plot } from '../src/simulator/plot.ts';
import { virtualClock } from '../src/simulator/virtual-clock.ts';
import { tuner } from '../src/tuning/index.ts';
import { tunedPool } from './support/tuned-pool.ts';

const START = 1_700_000_000_000;
const { simulate, search, replay, traces } = tuner;

/** @param calls seconds from the beginning, and seconds that each runs */
const traceOf = (calls: readonly (readonly [at: number, runs: number])[], more: Partial<Trace> = {}): Trace => {
  const traced = calls.map(([at, runs]): TracedCall => ({ at: START + at * 1_000, durationMs: runs * 1_000 }));
  return { startAt: START, endAt: START + 60_000, calls: traced, bootMs: 3_000, resolution: 'exact', ...more };
};
const simulated = (trace: Trace, pool = tunedPool(), change: object = {}, options: object = {}) => {
  const { effective } = tuner.change(pool, {}, change as Record<string, unknown>, START);
  return simulate(pool, effective, trace, options);
};

describe('serving calls', () => {
  test('from zero a call waits for a boot, runs on one machine, and that one ends when it has been idle long enough', async () => {
    const { totals, lowerBoundMs } = await simulated(traceOf([[5, 4]]));
    expect(totals).toMatchObject({ launches: 1, most: 1, served: 1, unserved: 0, overshoot: 0 });
    // The launch itself takes no time here, and the kick of the call asks for it at once.
    expect(totals.waitMs.longest).toBeGreaterThanOrEqual(3_000);
    expect(totals.waitMs.longest).toBeLessThan(3_500);
    // Boot 3 s, run 4 s, idle 10 s, and what a tick and a heartbeat add.
    expect(totals.runnerMs).toBeGreaterThanOrEqual(17_000);
    expect(totals.runnerMs).toBeLessThan(23_000);
    expect(lowerBoundMs).toBe(2_000);
  });

  test('slots are filled, calls begin in the order in which they came, and what does not fit waits for the first that ends', async () => {
    const { totals } = await simulated(
      traceOf(
        [
          [0, 10],
          [0, 20],
          [1, 5],
          [2, 5],
        ],
        { runnersAtStart: 1 },
      ),
      tunedPool({ max: 1, min: 1 }),
    );
    // Two slots: the third begins after 10 s, the fourth after 15 s.
    expect(totals.waitMs).toMatchObject({ p50: 0, longest: 13_000 });
    expect(totals).toMatchObject({ most: 1, launches: 0, served: 4 });
  });

  test('a queue that is held serves nobody, and goes on when it is let go', async () => {
    const pauses = [{ from: START, to: START + 30_000 }];
    const { totals } = await simulated(traceOf([[1, 1]], { runnersAtStart: 1, pauses }), tunedPool({ min: 1 }));
    expect(totals.waitMs.longest).toBe(29_000);
  });

  test.each([
    ['a maximum bounds it', { max: 2 }, { most: 2 }],
    ['a minimum stands all the time', { min: 3 }, { most: 5 }],
    ['spare slots are runners too', { buffer: 4 }, { most: 7 }],
    ['nothing is launched while that is held: nobody is served', { paused: 'out' }, { launches: 0, unserved: 10 }],
    ['an operator’s number stands in the policy’s place', { override: { desired: 3, forMs: 9 } }, { most: 3 }],
  ])('%s', async (_what, change, totals) => {
    const ten = Array.from({ length: 10 }, () => [10, 2] as const);
    expect((await simulated(traceOf(ten), tunedPool(), change)).totals).toMatchObject(totals);
  });

  test('nobody is let go while that is held', async () => {
    const ten = traceOf(Array.from({ length: 10 }, () => [0, 2] as const));
    const { points } = await simulated(ten, tunedPool(), { paused: 'in' });
    expect(points.at(-1)?.runners).toBe(5);
    expect((await simulated(ten)).points.at(-1)?.runners).toBe(0);
  });

  test('a policy that throws holds, and says so', async () => {
    const policy = {
      name: 'broken',
      desired: () => {
        throw new Error('no idea');
      },
    };
    const { totals, reasons } = await simulated(traceOf([[0, 1]]), tunedPool({ policy }));
    expect(totals).toMatchObject({ launches: 0, unserved: 1 });
    expect(reasons.join()).toContain('broken failed (no idea): hold');
  });

  test('each machine-second is counted once, and billed at least as long as a provider bills', async () => {
    const { totals } = await simulated(traceOf([[0, 1]]), tunedPool(), {}, { pricePerHour: 3_600 });
    expect(totals.cost).toBeCloseTo(totals.runnerMs / 1_000, 1);
    const least = await simulated(traceOf([[0, 1]]), tunedPool(), {}, { pricePerHour: 3_600, minimumBilledMs: 60_000 });
    expect(least.totals.cost).toBeCloseTo(60, 1);
  });

  test('whatever comes: every call is served, waits are in order, and no settings cost less than the lower bound', async () => {
    const call = fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 9 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        async (calls, max) => {
          const sorted = [...calls].sort((a, b) => a[0] - b[0]);
          const { totals, lowerBoundMs } = await simulated(traceOf(sorted), tunedPool({ max }));
          const { p50, p95, p99, longest } = totals.waitMs;
          expect(totals).toMatchObject({ served: calls.length, unserved: 0 });
          expect(totals.most).toBeLessThanOrEqual(max);
          expect([p50, p95, p99, longest]).toEqual([p50, p95, p99, longest].sort((a, b) => a - b));
          expect(totals.runnerMs).toBeGreaterThanOrEqual(lowerBoundMs);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('the same calls and settings give the same waits each time', async () => {
    const trace = traces.example('steady');
    const short = { ...trace, endAt: trace.startAt + 60_000, calls: trace.calls.slice(0, 100) };
    const [a, b] = [await simulated(short), await simulated(short)];
    expect(a.totals).toEqual(b.totals);
    expect(a.notes.join()).toContain('example trace "steady"');
  });
});

describe('the past', () => {
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

  /** Eighty calls of ten seconds come at once; one runner with two slots serves them, after a boot of three seconds. */
  const served = (() => {
    let waiting = 0;
    let ends: number[] = [];
    let lastBusy = Number.NEGATIVE_INFINITY;
    return Array.from({ length: 600 }, (_, second): HistorySample => {
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
      return {
        ...still,
        at: START + second * 1_000,
        waiting,
        active: ends.length,
        oldestWaitMs,
        ready,
        useful,
        serviceTimeMs,
      };
    });
  })();
  const replayed = (change: object, samples = served, pool = tunedPool({ max: 1 })) =>
    replay(
      pool,
      { now: tuner.configured(pool), would: tuner.change(pool, {}, { ...change }, START).effective },
      samples,
    );

  test('A-17: the settings in force, simulated, are about what was; more runners serve the same calls sooner at about the same cost', async () => {
    const { had, now, would, points } = await replayed({ max: 5 });
    expect(had).toMatchObject({ most: 1, launches: 1 });
    expect(now).toMatchObject({ most: 1, launches: 1, unserved: 0 });
    expect(Math.abs(now.shortMs - had.shortMs)).toBeLessThan(0.3 * had.shortMs);
    expect(would.most).toBe(5);
    expect(would.waitMs.p95).toBeLessThan(now.waitMs.p95 / 3);
    expect(would.runnerMs).toBeLessThan(now.runnerMs * 1.6);
    expect(points).toHaveLength(served.length);
  });

  test('calls are drawn from samples as many as came, the same each time', () => {
    const trace = traces.ofSamples(served);
    expect(trace.calls.length).toBeGreaterThan(72);
    expect(trace.calls.length).toBeLessThan(88);
    expect(trace).toEqual(traces.ofSamples(served));
    expect(trace).toMatchObject({ bootMs: 3_000, runnersAtStart: 0, startAt: START });
    expect(trace.resolution).toContain('600 samples, one each 1000 ms');
    const mean = trace.calls.reduce((sum, { durationMs }) => sum + durationMs, 0) / trace.calls.length;
    expect(mean).toBeGreaterThan(7_000);
    expect(mean).toBeLessThan(13_000);
  });

  test('A-17: where the length of calls was not measured, it follows from how many ran and ended', () => {
    const flat = served.map((sample) => ({ ...sample, serviceTimeMs: null }));
    const { calls } = traces.ofSamples(flat);
    const mean = calls.reduce((sum, { durationMs }) => sum + durationMs, 0) / calls.length;
    expect(mean).toBeGreaterThan(7_000);
    expect(mean).toBeLessThan(13_000);
  });

  test('C-18: with the largest maximum it ends soon, and says where it stops', async () => {
    const hour = Array.from({ length: 60 }, (_, i) => ({ ...still, at: START + i * 1_000, waiting: 90_000 }));
    const { would, notes } = await replayed({ max: 100_000 }, hour);
    expect(would.most).toBeLessThanOrEqual(2_000);
    expect(notes.join()).toMatch(/not more than \d+ runners are simulated/);
  });

  test('no past is no runners, and no error', async () => {
    expect(await replayed({}, [])).toMatchObject({
      points: [],
      had: { runnerMs: 0 },
      would: { runnerMs: 0, served: 0 },
    });
  });
});

describe('traces from files', () => {
  test('lines of JSON, in any order', () => {
    const { calls, startAt, endAt } = traces.parse(
      '{"at": 5000, "durationMs": 10}\n\n{"at": 1000, "durationMs": 9000}\n',
    );
    expect([calls.length, startAt, endAt]).toEqual([2, 1_000, 10_000]);
  });

  test.each([
    ['no JSON', '{"at": 1, "durationMs": 1}\nnothing', 'line 2: expected JSON'],
    ['a text for a time', '{"at": "now", "durationMs": 1}', 'line 1: expected {"at"'],
    ['a duration below zero', '{"at": 1, "durationMs": -1}', 'line 1: expected {"at"'],
    ['null', 'null', 'line 1: expected {"at"'],
  ])('%s is refused with its line', (_what, text, message) => {
    expect(() => traces.parse(text)).toThrow(FlameConfigError);
    expect(() => traces.parse(text)).toThrow(message);
  });

  test('an unknown example is refused with those that there are', () => {
    expect(() => traces.example('steddy')).toThrow(/steady, bursts, day, mixed.*Did you mean "steady"/);
  });
});

test('a search finds settings that hold its goal on calls that it has not seen, for less than always having enough', async () => {
  // Each two minutes twenty calls of five seconds at once.
  const calls = Array.from({ length: 100 }, (_, i) => [120 * Math.floor(i / 20), 5] as const);
  const trace = traceOf(calls, { endAt: START + 600_000, bootMs: 5_000 });
  const pool = tunedPool({ max: 12 });
  const found = await search(pool, tuner.configured(pool), trace, { percentile: 'p50', underMs: 2_000 });
  expect(found.holds).toBe(true);
  expect(found.judgedBy.waitMs.p50).toBeLessThan(2_000);
  expect(found.now.waitMs.p50).toBeGreaterThan(2_000);
  expect(found.judgedBy.runnerMs).toBeLessThan(12 * 240_000);
  expect(found.tried).toBeGreaterThan(5);
  await expect(
    search(pool, tuner.configured(pool), traceOf([[0, 1]]), { percentile: 'p95', underMs: 1 }),
  ).rejects.toThrow(RangeError);
});

test('a plot has a line for each simulation and panel, and names as text', async () => {
  const run = await simulated(traceOf([[5, 4]]));
  const svg = plot({ 'as it is': run, 'max=2 <b>': run });
  expect(svg.match(/<path /g)).toHaveLength(4);
  expect(svg).toContain('max=2 &#60;b&#62;');
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test('the virtual clock fires in order of time, and what was cancelled never', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(100), fc.boolean()), { maxLength: 40 }), async (timers) => {
      const clock = virtualClock();
      const fired: [number, number][] = [];
      const start = clock.mono();
      for (const [i, [ms, cancelled]] of timers.entries()) {
        const cancel = clock.after(ms, () => fired.push([clock.mono() - start, i]));
        if (cancelled) cancel();
      }
      await clock.advance(200);
      const wanted = timers
        .map(([ms, cancelled], i) => ({ ms, i, cancelled }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.ms - b.ms || a.i - b.i)
        .map(({ ms, i }): [number, number] => [ms, i]);
      expect(fired).toEqual(wanted);
    }),
  );
});
