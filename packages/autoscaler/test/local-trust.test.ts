/** What the local backend believes of the files in the temporary directory, and what ends with a runner. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { FlameLaunchError } from '@flamejs/queue';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { instanceIdOf, livingPid, startTimeOf } from '../src/backends/local/identity.ts';
import { privateFolder } from '../src/backends/local/private-folder.ts';
import { local } from '../src/backends/local.ts';
import { FIXTURE } from './support/app.ts';

const logger = pino({ level: 'silent' });
const signal = AbortSignal.timeout(60_000);
const before = process.env.TMPDIR;
let temp = '';
const ends: (() => unknown)[] = [];
beforeEach(() => {
  temp = mkdtempSync(join(before ?? tmpdir(), 'flame-local-trust-'));
  process.env.TMPDIR = temp;
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(temp, { recursive: true, force: true });
});

const folder = (): string => join(temp, `flame-local-${userInfo().uid}`);
const request = (runnerId: string, fixture: object) => ({
  app: 'shop',
  pool: 'work',
  runnerId,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_RUNNER_ID: runnerId, FLAME_POOL: 'work', FIXTURE: JSON.stringify(fixture) },
  secrets: {},
});
const backendHere = () => {
  const backend = local({ command: FIXTURE, logger, killAfterMs: 100 });
  ends.push(() => backend.close?.());
  return backend;
};

/** A process of somebody else, and an entry that says that it is a runner of ours. */
const bystander = (runnerId: string) => {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true });
  ends.push(() => child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const entry = {
    runnerId,
    pool: 'work',
    owner: '1@0',
    instanceId: instanceIdOf(pid, startTimeOf(pid) ?? ''),
    launchedAt: Date.now(),
    ended: null,
  };
  return { pid, entry };
};

test('T-08: a folder that is another user’s is not used: nothing that it names is listed or ended', async () => {
  const { pid, entry } = bystander('r1');
  mkdirSync(join(folder(), 'shop'), { recursive: true, mode: 0o777 });
  writeFileSync(join(folder(), 'shop', 'r1.json'), JSON.stringify(entry));
  // Only root can give a folder away; everybody else has folders of root at hand.
  if (process.getuid?.() === 0) chownSync(folder(), 54_321, 54_321);
  else {
    rmSync(folder(), { recursive: true });
    symlinkSync('/usr', folder());
    expect(() => privateFolder('/usr')).toThrow(/belongs to another user/);
  }
  const backend = backendHere();
  await expect(backend.list('shop', signal)).rejects.toThrow(FlameLaunchError);
  await expect(backend.launch(request('r2', { never: true }), signal)).rejects.toThrow(/set TMPDIR/);
  await backend.terminate([entry.instanceId], signal);
  expect(isAlive(pid)).toBe(true);
});

test.each([
  ['a link', () => symlinkSync(temp, folder()), /is a link/],
  ['a file', () => writeFileSync(folder(), ''), /is no folder/],
  ['open to others', () => mkdirSync(folder(), { mode: 0o755 }), /is open to other users \(mode 755\)/],
])('T-08: %s in the place of the folder is refused, and doctor says so', async (_, put, why) => {
  put();
  const backend = backendHere();
  await expect(backend.list('shop', signal)).rejects.toThrow(why);
  await expect(backend.check?.(signal)).rejects.toThrow(why);
});

test('T-08: an entry that names a process which is no runner of ours is gone, and the process is left alone', async () => {
  const { pid, entry } = bystander('r1');
  const backend = backendHere();
  await backend.list('shop', signal);
  writeFileSync(join(folder(), 'shop', 'r1.json'), JSON.stringify(entry));
  writeFileSync(join(temp, 'r3.json'), JSON.stringify({ ...entry, runnerId: 'r3' }));
  symlinkSync(join(temp, 'r3.json'), join(folder(), 'shop', 'r3.json'));
  expect(await backend.list('shop', signal)).toMatchObject([{ runnerId: 'r1', state: 'gone' }]);
  await backend.terminate([entry.instanceId], signal);
  await waitFor(async () => (await backend.list('shop', signal))[0]?.state === 'gone', { what: 'another look' });
  expect(isAlive(pid)).toBe(true);
});

const childOf = async (file: string): Promise<number> =>
  waitFor(
    () => {
      try {
        return Number(readFileSync(file, 'utf8').trim().split('\n')[0]) || undefined;
      } catch {
        return undefined;
      }
    },
    { what: 'the child to be started' },
  );

test('C-52: a boot that starts a child and fails leaves no child', async () => {
  const file = join(temp, 'child');
  const backend = backendHere();
  await backend.launch(request('r1', { childFile: file, exitCode: 3 }), signal);
  const child = await childOf(file);
  await waitFor(() => !isAlive(child), { what: 'the child to end' });
  await waitFor(async () => (await backend.list('shop', signal))[0]?.state === 'gone', { what: 'the list to know' });
});

test('C-52: nor does a runner that is killed by somebody else', async () => {
  const file = join(temp, 'child');
  const backend = backendHere();
  const { id } = await backend.launch(request('r1', { childFile: file, never: true }), signal);
  const child = await childOf(file);
  process.kill(livingPid(id) ?? 0, 'SIGKILL');
  await waitFor(() => !isAlive(child), { what: 'the child to end' });
});

test('C-52: nor one that ended while no autoscaler was there: the next one ends the rest', async () => {
  const env = { ...process.env, FLAME_RUNNER_ID: 'r1' };
  const leader = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], { env, detached: true });
  const [text] = (await once(leader.stdout, 'data')) as [Buffer];
  const child = Number(String(text).trim());
  const pid = leader.pid ?? 0;
  const entry = { ...bystander('r1').entry, instanceId: instanceIdOf(pid, startTimeOf(pid) ?? '') };
  const backend = backendHere();
  await backend.list('shop', signal);
  writeFileSync(join(folder(), 'shop', 'r1.json'), JSON.stringify(entry));
  expect(await backend.list('shop', signal)).toMatchObject([{ state: 'running' }]);
  leader.kill('SIGKILL');
  await once(leader, 'exit');
  expect(isAlive(child)).toBe(true);
  expect(await backend.list('shop', signal)).toMatchObject([{ state: 'gone' }]);
  await waitFor(() => !isAlive(child), { what: 'the child to end' });
});
