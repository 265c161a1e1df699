/** Who finds the Redis of `flame dev`, and what is not taken for it. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instanceIdOf, startTimeOf } from '@flamejs/protocol/process-identity';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { startNode, type TestProcess } from '../../../tests/support/processes.ts';
import { devRedisPlaces, serverOf } from '../src/config/dev-redis.ts';
import { parseConfig } from '../src/config/parse-config.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'flame-dev-redis-')));
const root = join(folder, 'dist');
const places = devRedisPlaces(folder);
const OWN = 'redis://127.0.0.1:6379';
const FOUND = 'redis://127.0.0.1:40000';
mkdirSync(places.data, { recursive: true });
mkdirSync(root);
writeFileSync(join(folder, 'package.json'), '{}');
// It stands for the server: what is looked at is who it is and where it works.
const server: TestProcess = await startNode('-', {
  args: [],
  nodeArgs: ['-e', 'setInterval(() => 0, 1e6)'],
  cwd: places.data,
});
const other: TestProcess = await startNode('-', {
  args: [],
  nodeArgs: ['-e', 'setInterval(() => 0, 1e6)'],
  cwd: folder,
});
afterAll(async () => {
  await Promise.all([server.alive() && server.kill9(), other.kill9()]);
  rmSync(folder, { recursive: true, force: true });
});

const identity = ({ pid }: TestProcess): string => instanceIdOf(pid, startTimeOf(pid) ?? '');
const write = (server: string, mode = 0o600): void => {
  writeFileSync(places.record, JSON.stringify({ port: 40_000, server, owner: '1@1' }));
  chmodSync(places.record, mode);
};
const addressOf = (redis?: string, env: NodeJS.ProcessEnv = {}): unknown => {
  const input = { app: 'shop', pools: { main: {} }, ...(redis === undefined ? {} : { redis }) };
  const { redis: parsed } = parseConfig(input, { root, configFile: undefined, env });
  return parsed.kind === 'single' ? parsed.url : parsed;
};
beforeEach(() => write(identity(server)));

test('A-11: a config without an address finds it, from a folder of its package too', () => {
  expect(addressOf()).toBe(FOUND);
});

test('A-11: it is no answer where an address is named, nor in production, nor in an executor', () => {
  expect(addressOf('redis://localhost:1')).toBe('redis://localhost:1');
  expect(addressOf(undefined, { REDIS_URL: 'redis://localhost:2' })).toBe('redis://localhost:2');
  expect(addressOf(undefined, { FLAME_REDIS_URL: 'redis://localhost:3' })).toBe('redis://localhost:3');
  expect(addressOf(undefined, { NODE_ENV: 'production' })).toBe(OWN);
  expect(addressOf(undefined, { FLAME_EXECUTOR: '1' })).toBe(OWN);
});

test('A-11: a file that others may write, a server that is gone, and a process that is none are not believed', async () => {
  write(identity(server), 0o644);
  expect(addressOf()).toBe(OWN);
  // The same number, of an earlier process.
  write(`${server.pid}@1`);
  expect(addressOf()).toBe(OWN);
  // Ours, but it works elsewhere: it must never be ended in the server's place.
  write(identity(other));
  expect(addressOf()).toBe(OWN);
  expect(serverOf({ port: 40_000, server: identity(other), owner: '' }, places)).toBeUndefined();
  expect(serverOf({ port: 40_000, server: identity(server), owner: '' }, places)).toBe(server.pid);
  writeFileSync(places.record, '{');
  expect(addressOf()).toBe(OWN);
  const was = identity(server);
  await server.kill9();
  write(was);
  expect(addressOf()).toBe(OWN);
});
