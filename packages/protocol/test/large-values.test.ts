/** Large values on their way to Redis and back: whole, in order, and whatever becomes of the connection. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { connect, whenReady } from '../src/connect.ts';
import { readLarge } from '../src/large-reads.ts';

let server: RedisServer;
let client: Redis;
beforeAll(async () => {
  server = await startRedis();
  client = connect({ kind: 'single', url: server.url, options: {} }, 'steady', 'large') as Redis;
  client.on('error', () => undefined);
  await whenReady(client, 10_000);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});
beforeEach(() => client.flushall());

const MEGABYTE = 1024 * 1024;
const filled = (bytes: number, seed: number): Buffer => {
  const value = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i += 1) value[i] = (i * 31 + seed) & 255;
  return value;
};
const read = (key: string, allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow): Promise<Buffer | null> =>
  readLarge(client, (by) => by.getBuffer(key), allocate);
const isReading = async (): Promise<boolean> => String(await client.client('LIST')).includes('name=large:large');

test('large arguments arrive as they are, among small ones and in the order of the commands', async () => {
  const [one, two] = [filled(MEGABYTE, 1), filled(20_000, 2)];
  const replies = await Promise.all([
    client.set('before', 'ä'),
    client.mset('one', one, 'between', 'ö', 'two', two, 'empty', ''),
    client.append('one', two),
    client.set('after', Buffer.from('x')),
  ]);
  expect(replies).toEqual(['OK', 'OK', one.length + two.length, 'OK']);
  expect((await client.getBuffer('one'))?.equals(Buffer.concat([one, two]))).toBe(true);
  expect((await client.getBuffer('two'))?.equals(two)).toBe(true);
  expect(await client.mget('before', 'between', 'empty', 'after')).toEqual(['ä', 'ö', '', 'x']);
});

test('a script that Redis has forgotten gets its large argument again', async () => {
  client.defineCommand('keep', { numberOfKeys: 1, lua: "return redis.call('SET', KEYS[1], ARGV[1])" });
  const keep = (key: string, value: Buffer): Promise<unknown> =>
    (client as unknown as { keep(key: string, value: Buffer): Promise<unknown> }).keep(key, value);
  await keep('first', filled(MEGABYTE, 3));
  await client.script('FLUSH');
  await keep('second', filled(MEGABYTE, 4));
  expect((await client.getBuffer('second'))?.equals(filled(MEGABYTE, 4))).toBe(true);
});

test('a large value is read into the memory that is given for it', async () => {
  const value = filled(MEGABYTE, 5);
  await client.set('value', value);
  const lent: Buffer[] = [];
  const found = await read('value', (bytes) => {
    lent.push(Buffer.alloc(bytes));
    return lent[0] as Buffer;
  });
  expect(found?.equals(value)).toBe(true);
  expect(lent).toHaveLength(1);
  expect(found?.buffer).toBe(lent[0]?.buffer);
});

test('small values, none, and errors come as the client has them', async () => {
  await client.set('small', 'little');
  await client.lpush('list', 'x');
  expect(String(await read('small'))).toBe('little');
  expect(await read('nothing')).toBeNull();
  await expect(read('list')).rejects.toThrow('WRONGTYPE');
  await client.set('edge', filled(64 * 1024, 6));
  expect((await read('edge'))?.equals(filled(64 * 1024, 6))).toBe(true);
});

test('several at once are not mixed up', async () => {
  const values = Array.from({ length: 12 }, (_, i) => filled(70_000 + i * 50_000, i));
  await Promise.all(values.map((value, i) => client.set(`many:${i}`, value)));
  const found = await Promise.all(values.map((_, i) => read(`many:${i}`)));
  expect(found.map((value, i) => value?.equals(values[i] as Buffer))).toEqual(values.map(() => true));
});

test('a connection that breaks while it reads costs nothing but time', async () => {
  const value = filled(4 * MEGABYTE, 8);
  await client.set('value', value);
  await read('value');
  expect(await isReading()).toBe(true);
  for (let round = 0; round < 5; round += 1) {
    const reading = [read('value'), read('value'), read('value')];
    const list = String(await client.client('LIST'));
    const id = /^id=(\d+)(?=.* name=large:large)/m.exec(list)?.[1];
    if (id !== undefined) await client.client('KILL', 'ID', id);
    for (const found of await Promise.all(reading)) expect(found?.equals(value)).toBe(true);
  }
});

test('it closes with the client', async () => {
  const other = client.duplicate({ connectionName: 'closing' });
  await other.set('value', filled(MEGABYTE, 9));
  await readLarge(other, (by) => by.getBuffer('value'), Buffer.allocUnsafeSlow);
  const names = async (): Promise<string> => String(await client.client('LIST'));
  expect(await names()).toContain('name=closing:large');
  other.disconnect();
  await waitFor(async () => !(await names()).includes('name=closing'), { what: 'both connections to close' });
});
