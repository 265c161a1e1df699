/** Items of calls in Redis: who may write, what is kept, what counts as read, and what follows from it for the next attempt. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FlameDataLossError, FlameSealError } from '../src/errors/index.ts';
import { compress, encrypt } from '../src/payload/index.ts';
import { readKeyList } from '../src/payload/keys.ts';
import { readPayloadSteps } from '../src/payload/read-payload.ts';
import { createVault } from '../src/payload/vault.ts';
import { packChunk, packTail, sealedAs, unpackChunk } from '../src/stream/chunk.ts';
import { appendChunks, readChunks, rewindStream, type Writing } from '../src/stream/stream-store.ts';
import { keys, okHead, type PoolFixture, startPool } from './support.ts';

let pool: PoolFixture;
let id: string;
beforeAll(async () => {
  pool = await startPool();
});
afterAll(() => pool.stop());
beforeEach(async () => {
  await pool.client.flushall();
  id = await pool.accept();
  await pool.pickUp('a');
  await pool.client.set(keys.caller('me'), '1');
});

const writing = (change: Partial<Writing> = {}): Writing => ({
  callId: id,
  generation: 1,
  attempt: 1,
  runnerId: 'a',
  resumable: false,
  ttlMs: 60_000,
  retention: 10,
  owner: 'me',
  ...change,
});
const body = (text: string) => Buffer.from(text);
const append = (first: number, texts: readonly string[], change: Partial<Writing> = {}, count = 1) =>
  appendChunks(
    pool.client,
    keys,
    writing(change),
    texts.map((text, at) => ({ first: first + at * count, count, body: body(text) })),
    false,
  );
const read = (from: number, owner?: { acked: number; ackedBytes: number; done?: boolean }) =>
  readChunks(pool.client, keys, {
    callId: id,
    generation: undefined,
    from,
    mostBytes: 1_000,
    ...(owner === undefined ? {} : { owner: { retention: 10, done: false, ...owner } }),
  });
const texts = (reply: Awaited<ReturnType<typeof read>>) =>
  reply.state === 'items' ? reply.chunks.map((chunk) => chunk.body.toString()) : reply;

test('batches follow each other: a repeat changes nothing, a gap is refused', async () => {
  expect((await append(0, ['a', 'b'])).status).toBe('ok');
  expect((await append(0, ['x', 'y'])).status).toBe('ok');
  expect((await append(3, ['d'])).status).toBe('gap');
  expect((await append(2, ['c'])).status).toBe('ok');
  expect(texts(await read(0))).toEqual(['a', 'b', 'c']);
  expect(texts(await read(2))).toEqual(['c']);
});

test('only the newest attempt writes, and not once it has moved its call', async () => {
  await append(0, ['a']);
  expect((await append(1, ['b'], { attempt: 2 })).status).toBe('superseded');
  expect((await append(1, ['b'], { generation: 2 })).status).toBe('superseded');
  await pool.settle('a', { callId: id, attempt: 1, generation: 1, kind: 'again', reason: '' });
  expect((await append(1, ['b'])).status).toBe('superseded');
});

test('a reader in the midst of a batch gets the whole of it', async () => {
  await append(0, ['abc', 'def'], {}, 3);
  expect(texts(await read(1))).toEqual(['abc', 'def']);
  expect(texts(await read(3))).toEqual(['def']);
});

test('what its owner is done with falls out beyond the retention, and not before', async () => {
  await append(0, ['12345678', '12345678', '12345678']);
  await read(0);
  expect(texts(await read(0, { acked: 2, ackedBytes: 16 }))).toEqual(['12345678', '12345678', '12345678']);
  await read(3, { acked: 3, ackedBytes: 24 });
  expect(await read(0)).toEqual({ state: 'gone', first: 1 });
  expect((await append(3, ['x'])).acked).toBe(3);
});

test('without an owner, or when it is gone, the newest are kept', async () => {
  const reply = await append(0, ['12345678', '12345678', '12345678'], { owner: '' });
  expect(reply.alone).toBe(true);
  expect(await read(0)).toMatchObject({ state: 'gone' });
  expect((await append(3, ['x'])).alone).toBe(false);
  await pool.client.del(keys.caller('me'));
  await pool.client.hset(keys.stream(id), 'seen', 0);
  expect((await append(4, ['y'])).alone).toBe(true);
});

test('an owner that has just read is there, also where what says so is lost', async () => {
  await append(0, ['a']);
  await pool.client.del(keys.caller('me'));
  await pool.client.hset(keys.stream(id), 'seen', 0);
  await read(0, { acked: 0, ackedBytes: 0 });
  expect((await append(1, ['b'])).alone).toBe(false);
});

test('the next attempt begins at 0 while nothing was read, and what was written is gone', async () => {
  await append(0, ['a', 'b']);
  expect(await rewindStream(pool.client, keys, writing())).toBe(0);
  await pool.settle('a', { callId: id, attempt: 1, generation: 1, kind: 'again', reason: '' });
  expect((await pool.pickUp('b'))?.pickUp?.streamFrom).toBe(0);
  expect(texts(await read(0))).toEqual([]);
  expect((await append(0, ['c'], { attempt: 2 })).status).toBe('ok');
  expect(texts(await read(0))).toEqual(['c']);
});

test('once an item was given to any reader, a lost runner means: go on where it stands, or not at all', async () => {
  await append(0, ['a', 'b', 'c']);
  await read(0);
  await pool.client.del(`${keys.queue}${id}:lock`);
  await pool.client.lrem(`${keys.queue}active`, 1, id);
  await pool.client.rpush(`${keys.queue}wait`, id);
  expect((await pool.pickUp('b'))?.pickUp?.streamFrom).toBe(-4);

  await pool.client.flushall();
  id = await pool.accept();
  await pool.pickUp('a');
  await append(0, ['a', 'b', 'c'], { resumable: true });
  await read(0);
  expect(await rewindStream(pool.client, keys, writing())).toBe(3);
  await pool.settle('a', { callId: id, attempt: 1, generation: 1, kind: 'again', reason: '' });
  expect((await pool.pickUp('b'))?.pickUp?.streamFrom).toBe(3);
});

test('the last batch comes with the outcome, and never without it', async () => {
  await append(0, ['a']);
  const tail = packTail({ first: 1, count: 1, resumable: false, ttlMs: 5_000, body: body('z') });
  const outcome = { head: okHead, body: body('42') };
  const verdict = { callId: id, generation: 1, kind: 'settle', outcome, reason: '', tail } as const;
  expect(await pool.settle('a', { ...verdict, attempt: 2 })).toBe('superseded');
  expect(texts(await read(0))).toEqual(['a']);
  expect(await pool.settle('a', { ...verdict, attempt: 1 })).toBe('done');
  expect(texts(await read(0))).toEqual(['a', 'z']);
  expect(await pool.client.pttl(keys.stream(id))).toBeLessThanOrEqual(5_000);
});

test('items go a minute after their owner has acknowledged the end', async () => {
  await append(0, ['a'], { ttlMs: 600_000 });
  await read(1, { acked: 1, ackedBytes: 1, done: true });
  expect(await pool.client.pttl(`${keys.base}:items:${id}`)).toBeLessThanOrEqual(60_000);
});

test('a call that is not a stream is picked up as ever, and has no keys of one', async () => {
  await pool.settle('a', { callId: id, attempt: 1, generation: 1, kind: 'again', reason: '' });
  expect((await pool.pickUp('b'))?.pickUp?.streamFrom).toBe(0);
  expect(await pool.client.keys('*:stream:*')).toEqual([]);
});

test('a batch says of which call, attempt and place it is: no other is taken for it', async () => {
  const chunk = packChunk({ generation: 1, attempt: 2, first: 5, total: 7, items: [body('a'), body('b')] });
  const expected = { generation: 1, attempt: 2, first: 5, count: 2, callId: id };
  expect(unpackChunk(chunk, expected)).toMatchObject({ total: 7, items: [body('a'), body('b')] });
  for (const other of [{ generation: 2 }, { attempt: 1 }, { first: 4 }, { count: 3 }])
    expect(() => unpackChunk(chunk, { ...expected, ...other })).toThrow(FlameDataLossError);
});

test('a sealed batch opens as what it was sealed for alone: not for another call, attempt, generation, or as a result', async () => {
  const problems: never[] = [];
  const list = readKeyList([{ id: 'k', key: Buffer.alloc(32, 7) }], 'keys', problems) ?? [];
  const vault = createVault({ app: 'shop', payload: readPayloadSteps([compress(), encrypt()], list, false, problems) });
  const about = { callId: id, kind: 'stream', part: sealedAs(1, 1), limit: 1_000_000 } as const;
  const plain = packChunk({ generation: 1, attempt: 1, first: 0, total: undefined, items: [Buffer.alloc(5_000)] });
  const sealed = await vault.seal(plain, about);
  expect(Buffer.from(await vault.open(sealed, about)).equals(plain)).toBe(true);
  const open = async (change: object) => vault.open(sealed, { ...about, ...change });
  for (const other of [
    { callId: 'images.other' },
    { part: sealedAs(1, 2) },
    { part: sealedAs(2, 1) },
    { kind: 'result' },
  ])
    await expect(open(other)).rejects.toBeInstanceOf(FlameSealError);
  await expect((async () => vault.open(plain, about))()).rejects.toBeInstanceOf(FlameSealError);
  await expect((async () => vault.open(sealed.subarray(0, -1), about))()).rejects.toBeInstanceOf(FlameSealError);
});
