/** Pages over very many calls cost what they show, not what is there (fault-testing.md 5.4, R-44). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { type BoardFixture, startBoard } from './support.ts';

const FEW = 1_200;
const MANY = bySize({ push: 6_000, nightly: 200_000 });
/** Of those, in each of the three states. */
const SHARE = { wait: 0.6, failed: 0.2, completed: 0.2 };
const LOAD_EVERY_MS = 20;
/** A command that holds Redis for so long was not made in pieces; ten times what one may take on a quick machine. */
const TOO_LONG_MS = 500;
const patience = bySize({ push: 60_000, nightly: 600_000 });

/** Copies a call as often as is wanted; on the server, for 200,000 calls made one by one would take minutes. */
const COPY = `
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local letters = string.gsub(string.format('%06d', i), '%d', function(d) return string.char(97 + d) end)
  local id = ARGV[4] .. letters
  redis.call('COPY', KEYS[1] .. ARGV[1], KEYS[1] .. id)
  redis.call('COPY', KEYS[2] .. ARGV[1], KEYS[2] .. id)
  if ARGV[5] == 'wait' then redis.call('RPUSH', KEYS[1] .. 'wait', id)
  else
    redis.call('HSET', KEYS[1] .. id, 'finishedOn', ARGV[6] + i)
    redis.call('ZADD', KEYS[1] .. ARGV[5], ARGV[6] + i, id)
  end
end`;

let board: BoardFixture;
beforeAll(async () => {
  const pool = { maxPending: 1_000_000 };
  board = await startBoard({ pools: { live: {}, few: pool, many: pool } });
  await fill('few', FEW);
  await fill('many', MANY);
}, patience);
afterAll(() => board[Symbol.asyncDispose]());

const fill = async (pool: string, count: number): Promise<void> => {
  const fn = board.flame.fn(`fill-${pool}`, { pool }, (_: string) => 0);
  const { id: failed } = await board.flame.cast(fn, 'x'.repeat(200));
  await board.settle({ error: new Error('no luck') }, pool);
  const { id: completed } = await board.flame.cast(fn, 'x'.repeat(200));
  await board.settle({ value: 'x'.repeat(200) }, pool);
  const { id: wait } = await board.flame.cast(fn, 'x'.repeat(200));
  const { queue, outcome } = board.keys(pool);
  const client = board.redis.client();
  const hourAgo = Date.now() - 3_600_000;
  for (const [state, id] of Object.entries({ wait, failed, completed })) {
    const copies = Math.round(count * SHARE[state as keyof typeof SHARE]) - 1;
    // The letters of an id, the state among them, so that the copies are calls like all others.
    const prefix = `${pool}.${state.padEnd(20, 'a')}`;
    for (let from = 1; from <= copies; from += 5_000) {
      const to = Math.min(copies, from + 4_999);
      await client.eval(COPY, 2, queue, outcome(''), id, from, to, prefix, state, hourAgo);
    }
  }
};

/** Asks for pages of a pool. @returns what they cost Redis, and the times of the answers */
const cost = async (pool: string): Promise<{ commands: number; bytes: number; times: readonly number[] }> => {
  const client = board.redis.client();
  await client.config('RESETSTAT');
  const times: number[] = [];
  const paths = [
    `/api/calls?pool=${pool}`,
    ...['waiting', 'failed', 'succeeded'].map((state) => `/api/calls?pool=${pool}&state=${state}`),
    ...['waiting', 'failed', 'completed'].map(
      (state) => `/queues/api/queues?activeQueue=${pool}&status=${state}&page=1&jobsPerPage=50`,
    ),
    `/api/pools/${pool}`,
  ];
  for (const path of paths) {
    const startedAt = performance.now();
    const { status, text } = await board.ask(path);
    times.push(performance.now() - startedAt);
    expect([path, status, text.includes(pool)]).toEqual([path, 200, true]);
  }
  const stats = await client.info('stats');
  const number = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1]);
  return { commands: number('total_commands_processed'), bytes: number('total_net_output_bytes'), times };
};

/** Names and microseconds of the commands that held Redis for longer than bearable. */
const slow = async (): Promise<readonly string[]> => {
  const entries = (await board.redis.client().call('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][];
  return entries.map(([, , us, command]) => `${command.slice(0, 2).join(' ')}: ${us} µs`);
};

test(`R-44 pages over ${MANY} calls ask Redis for as much as pages over ${FEW}`, { timeout: patience }, async () => {
  await cost('few'); // what is loaded and prepared once
  const few = await cost('few');
  const many = await cost('many');
  expect(many.commands).toBeLessThanOrEqual(few.commands * 1.1);
  expect(many.bytes).toBeLessThan(few.bytes * 1.5);
});

test(`R-44 while an operator looks at ${MANY} calls, retries and removes them, calls go on and Redis is never held`, {
  timeout: patience,
}, async () => {
  const { flame } = board;
  const fn = flame.fn('live', { pool: 'live' }, (_: number) => 0);
  const client = board.redis.client();
  await client.config('SET', 'slowlog-log-slower-than', TOO_LONG_MS * 1_000, 'slowlog-max-len', 100);
  await client.call('SLOWLOG', 'RESET');
  let working = true;
  let done = 0;
  const load = (async () => {
    for (let i = 0; working; i += 1) {
      const { id } = await flame.cast(fn, i);
      expect(await board.settle({ value: i }, 'live')).toBe(id);
      done += 1;
      await new Promise((resolve) => setTimeout(resolve, LOAD_EVERY_MS));
    }
  })();
  try {
    const failed = Math.round(MANY * SHARE.failed);
    const { queue } = board.keys('many');
    const { times } = await cost('many');
    process.stderr.write(`R-44 pages over ${MANY} calls in ms: ${times.map(Math.round).join(', ')}\n`);
    expect((await board.change('/api/pools/many/retry-failed')).json).toEqual({ retried: failed });
    expect(await client.zcard(`${queue}failed`)).toBe(0);
    // Bull Board removes a thousand at a time.
    const before = await client.zcard(`${queue}completed`);
    expect((await board.change('/queues/api/queues/many/clean/completed', {}, 'PUT')).status).toBeLessThan(300);
    await waitFor(async () => (await client.zcard(`${queue}completed`)) < before, { what: 'calls to be removed' });
  } finally {
    working = false;
    await load;
  }
  expect(done).toBeGreaterThan(5);
  expect(await slow()).toEqual([]);
});
