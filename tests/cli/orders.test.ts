/** Orders for single runners, from the command line through the autoscaler to the runner itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Ran, flame as run } from './flame.ts';

let fleet: Fleet;
const flame = (...args: string[]): Promise<Ran> => run(args, { env: fleet.env });
const ready = async (): Promise<string> => {
  const runner = await waitFor(async () => (await fleet.runners()).find(({ state }) => state === 'ready'), {
    what: 'a ready runner',
    timeoutMs: 60_000,
  });
  return runner.runnerId;
};
const gone = (runnerId: string): Promise<unknown> =>
  waitFor(async () => !(await fleet.runners()).some((runner) => runner.runnerId === runnerId), {
    what: `${runnerId} to be gone`,
  });
const events = async (runnerId: string): Promise<readonly Record<string, string>[]> => {
  const entries = await fleet.client.xrange(fleet.keys().events, '-', '+');
  const all = entries.map(([, flat]) =>
    Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : []))),
  );
  return all.filter((event) => event.runnerId === runnerId);
};

beforeAll(async () => {
  fleet = await startFleet({ pools: { main: { min: 1, max: 2, maxConcurrency: 2, timeout: '60s' } } });
  await fleet.autoscaler();
});
afterAll(() => fleet.stop());

test('runners drain: a managed runner finishes its call, ends unblamed, is replaced, and the record says who and why', async () => {
  const runnerId = await ready();
  const call = fleet.flame.call(tasks.wait, 2_000, 'done');
  await waitFor(async () => (await fleet.runners())[0]?.active === 1, { what: 'the call to run' });
  const { code, output } = await flame('runners', 'drain', runnerId, '--reason', 'its disk is slow');
  expect([code, output]).toEqual([0, expect.stringContaining('takes no more calls')]);
  expect(await call).toBe('done');
  await gone(runnerId);
  expect(await ready()).not.toBe(runnerId);
  const happened = await events(runnerId);
  const ordered = happened.find(({ type }) => type === 'runner.ordered');
  expect(ordered?.reason).toBe('its disk is slow');
  expect(JSON.parse(ordered?.details ?? '{}')).toMatchObject({ action: 'drain', by: expect.stringContaining('@') });
  expect(happened.find(({ type }) => type === 'runner.draining')?.reason).toMatch(
    /^drained by .*@.*: its disk is slow$/,
  );
  expect(happened.map(({ type }) => type)).not.toContain('runner.failed');
  expect(await fleet.client.hlen(fleet.keys().orders)).toBe(0);
});

test('runners protect keeps one for a while and shows it; terminate ends even that one at once, and its call runs elsewhere', async () => {
  const runnerId = await ready();
  const kept = await flame('runners', 'protect', runnerId, '--for', '10m');
  expect([kept.code, kept.output]).toEqual([0, `${runnerId}  is left alone for 10 min\n`]);
  await waitFor(async () => (await flame('runners', 'ls')).output.includes('ready, kept'), { what: 'the protection' });
  const call = fleet.flame.call(tasks.context);
  await call;
  const long = fleet.flame.call(tasks.wait, 4_000, 'again');
  await waitFor(async () => (await fleet.runners())[0]?.active === 1, { what: 'the call to run' });
  const { json } = await flame('runners', 'terminate', runnerId, '--json');
  expect(json).toEqual({ [runnerId]: 'ordered' });
  await gone(runnerId);
  expect(await long).toBe('again');
  expect((await events(runnerId)).find(({ reason }) => reason?.startsWith('ended by '))).toMatchObject({
    type: 'runner.ended',
  });
});

test('a runner that was started by hand can be drained and nothing else, and a duration that is none is refused', async () => {
  const { runnerId } = await fleet.runner();
  const refused = await flame('runners', 'terminate', runnerId);
  expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('was started by hand')]);
  const nonsense = await flame('runners', 'protect', runnerId, '--for', 'ever');
  expect([nonsense.code, nonsense.output]).toEqual([1, expect.stringContaining('--for')]);
  expect((await flame('runners', 'drain', runnerId)).code).toBe(0);
  await gone(runnerId);
});
