/** What functions print becomes a bounded number of clean lines, each with the call that printed it. */
import { expect, test } from 'vitest';
import { sharedPool, testPool, valueFrom } from './support.ts';

const pool = sharedPool();

test('lines arrive before the result, with their stream', async () => {
  const seen: [string, string][] = [];
  const call = pool.call('print', ['one\ntwo\nthr', 'ee'], {
    listener: { onLog: (line, stream) => seen.push([stream, line]) },
  });
  await valueFrom(call);
  expect(seen).toEqual([
    ['stdout', 'one'],
    ['stdout', 'two'],
    ['stdout', 'three'],
  ]);
  const errors = pool.call('print-stderr', ['warning\n']);
  await valueFrom(errors);
  expect(errors.lines).toEqual(['warning']);
});

test('S-12 control characters and line breaks inside of a line cannot forge another one', async () => {
  const call = pool.call('print', ['\u001b[2Jgone\rforged\u2028x\u0000\t\u202ey\r\nnext\n']);
  await valueFrom(call);
  expect(call.lines).toEqual(['\\x1b[2Jgone\\rforged\\u2028x\\x00\t\\u202ey', 'next']);
});

test("the output of one call is never another one's", async () => {
  const calls = Array.from({ length: 40 }, (_, n) => pool.call('print', [`call ${n}\n`.repeat(50)]));
  await Promise.all(calls.map((call) => valueFrom(call)));
  calls.forEach((call, n) => {
    expect(call.lines).toEqual(Array.from({ length: 50 }, () => `call ${n}`));
  });
});

test('R-10 200 MB of output cost the runner no memory, and the call is told that it was cut', async () => {
  const own = testPool();
  await own.start();
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before);
  }, 20);
  const call = own.call('print-much', [200], { timeoutMs: 120_000 });
  await valueFrom(call);
  clearInterval(timer);
  const bytes = call.lines.reduce((sum, line) => sum + line.length + 1, 0);
  expect(bytes).toBeGreaterThan(250_000);
  expect(bytes).toBeLessThan(270_000);
  expect(call.lines.at(-1)).toMatch(/output truncated/);
  expect(most).toBeLessThan(120 * 1024 * 1024);
  const next = own.call('print', ['clean\n']);
  await valueFrom(next);
  expect(next.lines).toEqual(['clean']);
});

test('context().log is bounded as well', async () => {
  const call = pool.call('log-much', [5_000]);
  await valueFrom(call);
  expect(call.lines.length).toBeLessThan(300);
  expect(call.lines.at(-1)).toMatch(/output truncated/);
});

test('what modules print while they load belongs to no call', async () => {
  const { fixture } = await import('./support.ts');
  const own = testPool({ modules: [fixture('talkative.mjs')] });
  await own.start();
  const call = own.call('quiet');
  await valueFrom(call);
  expect(call.lines).toEqual([]);
  expect(own.lines).toEqual(['loading']);
});
