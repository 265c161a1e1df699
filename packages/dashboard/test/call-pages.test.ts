/** Lists of calls, page by page: complete, in order, and at a cost that does not grow with the depth. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operations, openOperations } from '../src/operations/index.ts';
import { type BoardFixture, startBoard } from './support.ts';

const POOLS = ['a', 'b', 'c', 'd'];
const EACH = 300;
let board: BoardFixture;
let operations: Operations;

beforeAll(async () => {
  board = await startBoard({ pools: Object.fromEntries(POOLS.map((name) => [name, {}])) });
  operations = openOperations(board.config, 'test');
  await operations.link.ready();
  const pipeline = board.redis.client().pipeline();
  for (const [p, pool] of POOLS.entries()) {
    const { queue } = board.keys(pool);
    for (let i = 0; i < EACH; i += 1) {
      const at = 1_000_000 + i * 10 + p;
      const id = `${pool}.${String(i)
        .padStart(26, 'a')
        .replace(/\d/g, (d) => 'bcdefghijk'[Number(d)] ?? 'a')}`;
      pipeline.hset(`${queue}${id}`, {
        name: i % 100 === 0 ? 'rare' : 'common',
        timestamp: at,
        finishedOn: at,
        'f:gen': 1,
      });
      pipeline.zadd(`${queue}failed`, at, id);
    }
  }
  await pipeline.exec();
});
afterAll(async () => {
  await operations.close();
  await board[Symbol.asyncDispose]();
});

/** Redis' own count of commands that one page costs. */
const costOf = async (work: () => Promise<unknown>): Promise<number> => {
  const client = board.redis.client();
  const count = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1] ?? 0);
  const before = await count();
  await work();
  return (await count()) - before;
};

const walk = async (query: object): Promise<{ ids: string[]; costs: number[]; times: number[] }> => {
  const [ids, costs, times] = [[] as string[], [] as number[], [] as number[]];
  let cursor: string | null = null;
  do {
    let page: Awaited<ReturnType<Operations['calls']>> | undefined;
    const asked = { limit: 50, ...query, ...(cursor === null ? {} : { cursor }) };
    costs.push(
      await costOf(async () => {
        page = await operations.calls(asked);
      }),
    );
    ids.push(...(page?.calls ?? []).map(({ id }) => id));
    times.push(...(page?.calls ?? []).map(({ finishedAt }) => finishedAt));
    cursor = page?.next ?? null;
  } while (cursor !== null);
  return { ids, costs, times };
};

test('C-19: pages by cursor hold every call once, the newest first, over all pools and states', async () => {
  const { ids, times } = await walk({});
  expect(ids).toHaveLength(POOLS.length * EACH);
  expect(new Set(ids).size).toBe(ids.length);
  expect(times).toEqual([...times].sort((x, y) => y - x));
});

test('C-19: the last page costs what the first one does', async () => {
  const { costs } = await walk({});
  expect(costs.length).toBeGreaterThanOrEqual(24);
  // A page of 50 out of 24 lists: their newest, what is read ahead, and their sizes.
  expect(Math.max(...costs)).toBeLessThan(400);
  expect(costs.at(-2) ?? 0).toBeLessThanOrEqual((costs[0] ?? 0) * 1.5);
});

test('C-19: a filter by function goes on through all pages, and looks at a bounded number for each', async () => {
  const { ids } = await walk({ functionName: 'rare' });
  expect(ids).toHaveLength(POOLS.length * (EACH / 100));
  const page = await operations.calls({ limit: 50, functionName: 'nobody' });
  expect(page).toMatchObject({ calls: [], next: null, scanned: POOLS.length * EACH });
});

test('C-19: a cursor of another list is refused', async () => {
  const { next } = await operations.calls({ limit: 5 });
  await expect(operations.calls({ limit: 5, pool: 'a', cursor: next ?? '' })).rejects.toMatchObject({
    code: 'FLAME_ERR_CONFIG',
  });
});
