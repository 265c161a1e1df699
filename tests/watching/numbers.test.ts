/** One real run, and the numbers that it leaves: the same wherever they are asked for, and those of a calculation by hand. */
import { readFileSync } from 'node:fs';
import { createDashboard } from '@flamejs/dashboard';
import { openOperations } from '@flamejs/dashboard/operations';
import { METRICS } from '@flamejs/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { freePort } from '../support/free-port.ts';
import { settles, waitFor } from '../support/wait-for.ts';

const PRICE = 3.6;
let fleet: Fleet;
let dashboard: ReturnType<typeof createDashboard>;
let metricsUrl: string;
let callId: string;
let scaler: Awaited<ReturnType<Fleet['autoscaler']>>;

interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const scrape = async (url: string): Promise<readonly Line[]> => {
  const text = await (await fetch(url)).text();
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (-?[\d.]+)$/.exec(line) ?? [];
      expect(name, line).not.toBe('');
      return {
        name,
        labels: Object.fromEntries(Array.from(labels.matchAll(/(\w+)="([^"]*)"/g), ([, key, text]) => [key, text])),
        value: Number(value),
      };
    });
};

/** The sum of all lines of that name that have these labels. */
const total = (lines: readonly Line[], name: string, labels: Readonly<Record<string, string>> = {}): number =>
  lines
    .filter((line) => line.name === name && Object.entries(labels).every(([key, text]) => line.labels[key] === text))
    .reduce((sum, { value }) => sum + value, 0);

beforeAll(async () => {
  const pools = { main: { max: 1, maxConcurrency: 2, idleShutdownAfter: 1_000, price: PRICE } };
  fleet = await startFleet({ pools });
  const port = await freePort();
  process.env.FLAME_METRICS_PORT = String(port);
  process.env.FLAME_METRICS_HOST = '127.0.0.1';
  scaler = await fleet.autoscaler();
  delete process.env.FLAME_METRICS_PORT;
  metricsUrl = `http://127.0.0.1:${port}/metrics`;
  dashboard = createDashboard(fleet.config, { port: 0 });
  await dashboard.start();

  const { flame } = fleet;
  const two = await Promise.all([flame.cast(tasks.wait, 2_500, 'a'), flame.cast(tasks.wait, 2_500, 'b')]);
  callId = two[0]?.id ?? '';
  await settles(Promise.all(two.map((call) => call.result())), { what: 'two calls at once', timeoutMs: 60_000 });
  await settles(flame.call(tasks.fail.with({ retries: 1 }), 'no'), { what: 'a call that fails' }).catch(
    () => undefined,
  );
  // The machine ends by itself, and its account is closed.
  await waitFor(
    async () =>
      (await fleet.client.hlen(fleet.keys().fleet)) > 0 &&
      (await fleet.client.hget(fleet.keys().fleet, 'ended')) === '1',
    {
      what: 'the machine to be gone',
      timeoutMs: 60_000,
      found: () => fleet.client.hgetall(fleet.keys().fleet),
    },
  );
});
afterAll(async () => {
  await dashboard?.stop();
  await fleet?.stop();
});

test('the dashboard and an autoscaler with FLAME_METRICS_PORT render the same, every metric of the catalogue and no other', async () => {
  const own = await scrape(metricsUrl);
  const shown = await scrape(dashboard.url.replace('/pools', '/metrics'));
  const steady = (lines: readonly Line[]) =>
    lines.filter(({ name }) => !/round_trip|silent|oldest_wait/.test(name)).map((line) => JSON.stringify(line));
  expect(steady(shown)).toEqual(steady(own));
  const families = new Set(own.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')));
  // No launch was refused here, and no platform keeps these runners: of these there is no line.
  const absent = ['flame_launch_failures_total', 'flame_replicas_wanted'];
  expect([...families, ...absent].sort()).toEqual(Object.keys(METRICS).sort());
  expect((await fetch(metricsUrl.replace('/metrics', '/other'))).status).toBe(404);
});

test('calls and attempts are counted once, by function and how they ended, and the histograms have them all', async () => {
  const lines = await scrape(metricsUrl);
  expect(total(lines, 'flame_calls_begun_total', { function: 'wait' })).toBe(2);
  expect(total(lines, 'flame_calls_ended_total', { function: 'wait', outcome: 'value' })).toBe(2);
  expect(total(lines, 'flame_calls_begun_total', { function: 'fail' })).toBe(1);
  expect(total(lines, 'flame_attempts_total', { function: 'fail', outcome: 'threw' })).toBe(2);
  expect(total(lines, 'flame_calls_ended_total', { function: 'fail' })).toBe(1);
  expect(total(lines, 'flame_call_run_seconds_count', { function: 'wait' })).toBe(2);
  expect(total(lines, 'flame_call_run_seconds_bucket', { function: 'wait', le: '2.5' })).toBeLessThan(2);
  expect(total(lines, 'flame_call_run_seconds_bucket', { function: 'wait', le: '+Inf' })).toBe(2);
  // Both waited for the machine; what came later did not.
  expect(total(lines, 'flame_call_cold_start_seconds_count')).toBe(2);
  expect(total(lines, 'flame_launches_total')).toBe(1);
  expect(total(lines, 'flame_runner_boot_seconds_count')).toBe(1);
  expect(total(lines, 'flame_leader_epoch')).toBe(1);
});

test('the cost of the run is that of a calculation by hand: every second has one owner', async () => {
  const lines = await scrape(metricsUrl);
  const seconds = (purpose: string) => total(lines, 'flame_machine_seconds_total', { purpose });
  const all = total(lines, 'flame_machine_seconds_total');
  expect(seconds('calls')).toBeGreaterThan(2.4);
  expect(seconds('boot')).toBeGreaterThan(0);
  expect(seconds('idle')).toBeGreaterThan(0.5);
  expect(total(lines, 'flame_machine_cost_dollars_total')).toBeCloseTo((all / 3_600) * PRICE, 6);
  expect(total(lines, 'flame_machine_unpriced_seconds_total')).toBe(0);
  const used = total(lines, 'flame_function_machine_seconds_total');
  expect(used).toBeCloseTo(seconds('calls'), 1);
  expect(total(lines, 'flame_function_cost_dollars_total')).toBeCloseTo((used / 3_600) * PRICE, 7);
});

test('status data says the same of money, and a call has its own share of the machine', async () => {
  const lines = await scrape(metricsUrl);
  const operations = openOperations(fleet.config, 'test');
  try {
    await operations.link.ready();
    const { total: all, purposes, functions } = await operations.costs('main');
    expect(all.dollars).toBeCloseTo(total(lines, 'flame_machine_cost_dollars_total'), 8);
    expect(all.unpricedMs).toBe(0);
    expect(purposes.idle.ms / 1_000).toBeCloseTo(total(lines, 'flame_machine_seconds_total', { purpose: 'idle' }), 3);
    expect(functions[0]?.name).toBe('wait');
    const call = await operations.call(callId);
    expect(call?.machineMs).toBeGreaterThan(1_000);
    expect(call?.machineMs).toBeLessThanOrEqual(functions[0]?.ms ?? 0);
    expect(call?.costDollars).toBeCloseTo(((call?.machineMs ?? 0) / 3_600_000) * PRICE, 7);
  } finally {
    await operations.close();
  }
});

test('what the rules and the dashboard for Grafana ask for exists, with these labels', async () => {
  const lines = await scrape(metricsUrl);
  for (const file of ['rules.yaml', 'dashboard.json']) {
    const text = readFileSync(new URL(`../../docker/grafana/${file}`, import.meta.url), 'utf8');
    // What the rules themselves record is no metric of ours.
    const names = new Set(text.match(/(?<!:)\bflame_\w+\b(?!:)/g));
    expect(names.size).toBeGreaterThan(8);
    for (const name of names) {
      const family = name.replace(/_(bucket|sum|count)$/, '');
      expect(Object.keys(METRICS), `${file}: ${name}`).toContain(family);
      if (family !== 'flame_launch_failures_total')
        expect(
          lines.map((line) => line.name),
          `${file}: ${name}`,
        ).toContain(name);
    }
  }
});

test('the history knows what arrived and ended, a leader that ends leaves its minute, and changes carry a name', async () => {
  const operations = openOperations(fleet.config, 'test');
  try {
    await operations.link.ready();
    const { now } = await operations.system();
    let seconds = await operations.range('main', now - 3_000_000);
    expect(seconds.resolution).toBe('seconds');
    const sum = (name: 'arrived' | 'ended' | 'failed'): number =>
      seconds.points.reduce((all, point) => all + (point[name] ?? 0), 0);
    // Counted with a heartbeat of the runner, seen by a tick after it.
    await waitFor(
      async () => {
        seconds = await operations.range('main', now - 3_000_000);
        return sum('ended') === 3;
      },
      { what: 'all three to have ended', found: async () => seconds.points },
    );
    // The first sample may have seen the first calls as waiting already.
    expect(sum('failed')).toBe(1);
    expect(sum('arrived')).toBeLessThanOrEqual(3);
    await scaler.stop();
    const minutes = await operations.range('main', now - 7_200_000);
    const last = minutes.points.at(-1);
    expect([minutes.resolution, minutes.points.length > 0]).toEqual(['minutes', true]);
    expect(last?.physical).toBeGreaterThanOrEqual(0);
    await operations.act.pause('main', 'ada@desk');
    await operations.act.resume('main');
    expect((await operations.audit('main', 10)).map(({ action, by }) => [action, by])).toEqual([
      ['resume', 'test'],
      ['pause', 'ada@desk'],
    ]);
  } finally {
    await operations.close();
  }
});
