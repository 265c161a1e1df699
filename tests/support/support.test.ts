/** The tools of the tests, tested: a wait that never fails or a leftover that nobody sees would make every other test worthless. */
import { expect, test } from 'vitest';
import { expectNoLeftovers, isAlive, startBrood, startNode, startSource } from './processes.ts';
import { startRedis } from './redis.ts';
import { waitFor } from './wait-for.ts';

test('a private Redis keeps what it acknowledged over a crash, and takes its folder and process with it', async () => {
  const redis = await startRedis({ appendonly: true });
  try {
    const client = redis.client();
    await client.set('kept', 'yes');
    const first = redis.pid();
    await redis.kill9();
    expect(isAlive(first)).toBe(false);
    await redis.restart();
    expect(redis.pid()).not.toBe(first);
    expect(await client.get('kept')).toBe('yes');
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
  } finally {
    const last = redis.pid();
    await redis.stop();
    expect(isAlive(last)).toBe(false);
  }
});

test('two private Redis servers do not meet', async () => {
  await using one = await startRedis();
  await using two = await startRedis();
  await one.client().set('mine', '1');
  expect(await two.client().get('mine')).toBeNull();
  expect(two.port).not.toBe(one.port);
});

test('a server that cannot start says why', async () => {
  await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/no-such-setting/i);
});

test('a condition that does not come true in time fails with what was found and the last error', async () => {
  await expect(waitFor(() => 0, { what: 'a miracle', timeoutMs: 60 })).rejects.toThrow(
    'Waited 60 ms for a miracle; found 0',
  );
  const broken = () => Promise.reject(new Error('no connection'));
  await expect(waitFor(broken, { what: 'an answer', timeoutMs: 60 })).rejects.toThrow('no connection');
  await expect(waitFor(() => new Promise<boolean>(() => {}), { what: 'it', timeoutMs: 60 })).rejects.toThrow(
    'Waited 60 ms',
  );
});

test('a process reports its output, its exit and its violent end', async () => {
  await using quick = await startSource('console.log("hello " + process.argv.at(-1)); process.exitCode = 3', {
    args: ['you'],
  });
  expect((await quick.waitForOutput(/hello (\w+)/))[1]).toBe('you');
  expect(await quick.exited).toEqual({ code: 3, signal: null });
  await expect(quick.waitForOutput(/goodbye/)).rejects.toThrow(/ended without .*goodbye.*hello you/s);

  await using slow = await startSource('setInterval(() => {}, 1000)');
  expect(isAlive(slow.pid)).toBe(true);
  expect(await slow.kill9()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(isAlive(slow.pid)).toBe(false);
});

test('a detached grandchild whose parents are gone is still found, and named', async () => {
  const brood = startBrood();
  const source = `
    import { spawn } from 'node:child_process';
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
    child.unref();
    console.log('grandchild ' + child.pid);
  `;
  await using parent = await startSource(source, { env: brood.env });
  const pid = Number((await parent.waitForOutput(/grandchild (\d+)/))[1]);
  await parent.exited;
  try {
    await expect(expectNoLeftovers(brood, 200)).rejects.toThrow(String(pid));
  } finally {
    process.kill(pid, 'SIGKILL');
  }
  await expectNoLeftovers(brood);
});

test('a script that does not exist is an exit, not a hang', async () => {
  await using missing = await startNode('/no/such/script.mjs');
  expect((await missing.exited).code).toBe(1);
});
