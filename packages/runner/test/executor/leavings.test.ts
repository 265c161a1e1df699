/** Children and ports that a call leaves: they end with it, unless the pool keeps them, and the executor is replaced for no other reason. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isAlive } from '../../../../tests/support/processes.ts';
import { fixture, testPool, valueFrom, waitFor } from './support.ts';

const modules = [fixture('leavings.mjs')];
const left = () => {
  const seen: { readonly functionName: string; readonly what: string }[] = [];
  return { seen, onLeft: (each: { readonly functionName: string; readonly what: string }) => void seen.push(each) };
};

interface Started {
  readonly pid: number;
  readonly children: readonly number[];
}

test.each([['return'], ['throw']])(
  'C-51: a function that starts a browser with children and does not close it leaves no process (%s)',
  async (how) => {
    const { seen, onLeft } = left();
    const pool = testPool({ modules, spare: 1, onLeft });
    const all: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const call = pool.call('browser', [3, how]);
      await call.result;
      all.push(...call.lines.map(Number));
    }
    expect(all).toHaveLength(12);
    await waitFor(() => !all.some(isAlive), { what: 'the processes to end', found: () => all.filter(isAlive) });
    await waitFor(() => seen.length === 3, { what: 'three replacements' });
    expect(seen[0]).toMatchObject({ functionName: 'browser', what: expect.stringMatching(/process \d+ \(/) });
    // No crash: the next call finds an executor at once.
    expect(await valueFrom(pool.call('pid'))).toEqual(expect.any(Number));
  },
);

test('C-51: a child that left its group and lost its parent is found as well', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, onLeft });
  const { children } = (await valueFrom(pool.call('daemon'))) as Started;
  await waitFor(() => seen.length === 1, { what: 'the executor to be replaced' });
  await waitFor(() => !children.some(isAlive), { what: 'the daemon to end' });
});

test('C-51: an executor whose call has ended its children is not replaced', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, onLeft });
  const first = (await valueFrom(pool.call('closes'))) as Started;
  const second = (await valueFrom(pool.call('closes'))) as Started;
  expect(second.pid).toBe(first.pid);
  expect(seen).toEqual([]);
});

test('C-51: a pool that keeps children keeps the browser and its executor', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, keep: ['children'], onLeft });
  const first = (await valueFrom(pool.call('reuses'))) as Started;
  const second = (await valueFrom(pool.call('reuses'))) as Started;
  expect(second).toEqual(first);
  expect(first.children.every(isAlive)).toBe(true);
  expect(seen).toEqual([]);
});

test('C-51: what a module starts while it loads stays, also when a call was what loaded it', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, onLeft });
  const first = (await valueFrom(pool.call('loads-daemon'))) as Started;
  const second = (await valueFrom(pool.call('loads-daemon'))) as Started;
  expect(second).toEqual(first);
  expect(first.children.every(isAlive)).toBe(true);
  await valueFrom(pool.call('closes'));
  expect(((await valueFrom(pool.call('loads-daemon'))) as Started).pid).toBe(first.pid);
  expect(seen).toEqual([]);
});

test('C-58: a port that a call has left open is free for the next one, and the event names the function', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, onLeft });
  const { port, pid } = (await valueFrom(pool.call('listen', [0]))) as { port: number; pid: number };
  const next = (await valueFrom(pool.call('listen', [port]))) as { port: number; pid: number };
  expect(next.port).toBe(port);
  expect(next.pid).not.toBe(pid);
  await waitFor(() => seen.length === 2, { what: 'two replacements' });
  expect(seen[0]).toEqual({ functionName: 'listen', what: `port ${port}` });
});

test('C-58: a datagram socket and a server that is still opening are ports, too', async () => {
  const { seen, onLeft } = left();
  const pool = testPool({ modules, onLeft });
  await valueFrom(pool.call('bind'));
  await valueFrom(pool.call('listen-and-go'));
  await waitFor(() => seen.length === 2, { what: 'two replacements' });
  expect(seen.map(({ functionName }) => functionName)).toEqual(['bind', 'listen-and-go']);
});

test('C-58: a server that the call has closed, and one that the pool keeps, replace nothing', async () => {
  const { seen, onLeft } = left();
  const closing = testPool({ modules, onLeft });
  const pid = await valueFrom(closing.call('listen-and-close'));
  expect(await valueFrom(closing.call('listen-and-close'))).toBe(pid);
  const keeping = testPool({ modules, keep: ['ports'], onLeft });
  const { pid: kept } = (await valueFrom(keeping.call('listen', [0]))) as { pid: number };
  expect(await valueFrom(keeping.call('pid'))).toBe(kept);
  expect(seen).toEqual([]);
});

test('A-28: a file in the temporary folder lives as long as its executor, and goes with it', async () => {
  const pool = testPool({ modules, maxCallsPerExecutor: 3 });
  const file = (await valueFrom(pool.call('write-file'))) as string;
  expect(await valueFrom(pool.call('pid'))).toEqual(expect.any(Number));
  expect(existsSync(file)).toBe(true);
  await valueFrom(pool.call('pid'));
  await waitFor(() => !existsSync(file), { what: 'the file to go with its executor' });
});

test('A-28: its bytes are how a file is handed back', async () => {
  const pool = testPool({ modules });
  expect(Buffer.from((await valueFrom(pool.call('file-bytes'))) as Uint8Array).toString()).toBe('the content');
});

test('C-56: the temporary folder of an executor stays the same from its first module to its last call', async () => {
  const pool = testPool({ modules });
  const [atLoad, now] = (await valueFrom(pool.call('temp-folders'))) as string[];
  expect(now).toBe(atLoad);
  expect(await valueFrom(pool.call('temp-folders'))).toEqual([atLoad, atLoad]);
});
