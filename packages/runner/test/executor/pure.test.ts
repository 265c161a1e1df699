/** The decisions around executors, without any process. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { settles } from '../../../../tests/support/wait-for.ts';
import { classifyEnd } from '../../src/executor/classify-end.ts';
import { escapeLine } from '../../src/executor/escape-line.ts';
import { executorEnv, markedEnv } from '../../src/executor/executor-env.ts';
import { createThrottle } from '../../src/executor/inside/throttle.ts';
import { createLineSink } from '../../src/executor/line-sink.ts';
import type { LinkEnd } from '../../src/executor/link.ts';
import { parseFromExecutor } from '../../src/executor/messages.ts';
import { heapMegabytes, inheritableExecArgv, inheritableNodeOptions } from '../../src/executor/node-options.ts';
import { createOutputRouter } from '../../src/executor/output-router.ts';
import { spawnBackoffMs } from '../../src/executor/spawn-backoff.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const collect = (maxBytes?: number) => {
  const lines: string[] = [];
  return { lines, sink: createLineSink((line) => lines.push(line), maxBytes) };
};

test('S-12 an escaped line has no control character, and a clean one is not changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
      expect(escapeLine(text)).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/);
    }),
  );
  expect(escapeLine('a\tb ünïcode 🔥')).toBe('a\tb ünïcode 🔥');
});

test('lines come out whole however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme-ascii' }).map((line) => line.replace(/[\r\n]/g, '')),
        { maxLength: 8 },
      ),
      fc.integer({ min: 1, max: 7 }),
      (wanted, size) => {
        const { lines, sink } = collect();
        const all = bytes(wanted.map((line) => `${line}ü🔥\n`).join(''));
        for (let at = 0; at < all.length; at += size) sink.write('stdout', all.subarray(at, at + size));
        sink.flush('stdout');
        expect(lines).toEqual(wanted.map((line) => escapeLine(`${line}ü🔥`)));
      },
    ),
  );
});

test('a line without end is cut into pieces, and the budget ends with one last line', () => {
  const { lines, sink } = collect(20_000);
  sink.write('stdout', Buffer.alloc(15_000, 'a'));
  expect(lines.map((line) => line.length)).toEqual([8192]);
  sink.write('stderr', bytes('partial'));
  sink.write('stdout', Buffer.alloc(15_000, 'b'));
  expect(sink.full).toBe(true);
  expect(lines.at(-1)).toMatch(/truncated.*20000 bytes/);
  expect(lines).toContain('partial');
  const { length } = lines;
  sink.write('stdout', bytes('more\n'));
  sink.add('more');
  expect(lines).toHaveLength(length);
});

test('the end of stderr is kept although nobody listens and the budget is used up', () => {
  const sink = createLineSink(undefined);
  for (let i = 0; i < 100; i += 1) sink.write('stderr', Buffer.alloc(1_000, 'x'));
  sink.write('stderr', bytes('the cause'));
  expect(sink.stderrTail()).toMatch(/^x+the cause$/);
  expect(sink.stderrTail().length).toBe(16 * 1024);
});

test('bytes go to the call in whose part of the stream they stand, whenever they arrive', async () => {
  const background = collect();
  const [a, b] = [collect(), collect()];
  const router = createOutputRouter(background.sink);
  router.write('stdout', bytes('boot\n'));
  router.open(a.sink);
  const lag = router.close([5 + 6, 0]);
  expect(lag).toBeInstanceOf(Promise);
  router.open(b.sink);
  router.write('stdout', bytes('first\nsecond'));
  await lag;
  expect(router.close()).toBeUndefined();
  router.write('stdout', bytes('later\n'));
  expect([background.lines, a.lines, b.lines]).toEqual([['boot', 'later'], ['first'], ['second']]);
});

test('nobody waits for ever for output that never comes', async () => {
  const { sink } = collect();
  const router = createOutputRouter(createLineSink(undefined));
  router.open(sink);
  await settles(Promise.resolve(router.close([1_000, 0], 20)), { what: 'the end of the output' });
});

const ended = (
  end: Partial<LinkEnd>,
  facts: { stderr?: string; memoryLimit?: number; heapLimit?: number; oomKilled?: boolean } = {},
) =>
  classifyEnd({
    end: { exitCode: null, signal: null, killed: false, heapExhausted: false, error: undefined, ...end },
    stderr: facts.stderr ?? '',
    memoryLimit: facts.memoryLimit,
    heapLimit: facts.heapLimit,
    usedBytes: undefined,
    oomKills: { take: () => facts.oomKilled ?? false, limitBytes: 450 },
  });

test('F10 each way to die has its own result', () => {
  const oom = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
  expect(ended({ exitCode: 0 })).toMatchObject({ kind: 'crashed', exitCode: 0, byOutsider: false });
  expect(ended({ signal: 'SIGKILL' })).toMatchObject({ kind: 'crashed', byOutsider: true });
  expect(ended({ signal: 'SIGKILL', killed: true })).toMatchObject({ kind: 'crashed', byOutsider: false });
  expect(ended({ signal: 'SIGABRT' })).toMatchObject({ kind: 'crashed', byOutsider: false });
  expect(ended({ signal: 'SIGABRT' }, { stderr: oom, heapLimit: 5 })).toEqual({
    kind: 'memory',
    limitBytes: 5,
    usedBytes: null,
  });
  expect(ended({ exitCode: 134 }, { stderr: oom, memoryLimit: 7, heapLimit: 5 })).toMatchObject({ limitBytes: 7 });
  // C-31: the kernel's count says why, and for nobody whom it has not killed.
  expect(ended({ signal: 'SIGKILL' }, { oomKilled: true })).toMatchObject({ kind: 'memory', limitBytes: 450 });
  expect(ended({ signal: 'SIGKILL' }, { oomKilled: true, memoryLimit: 7 })).toMatchObject({ limitBytes: 7 });
  expect(ended({ signal: 'SIGKILL', killed: true }, { oomKilled: true })).toMatchObject({ kind: 'crashed' });
  expect(ended({ exitCode: 1 }, { oomKilled: true })).toMatchObject({ kind: 'crashed' });
  // Who only prints the words has not run out of memory.
  expect(ended({ exitCode: 1 }, { stderr: oom })).toMatchObject({ kind: 'crashed' });
  expect(ended({ exitCode: 1, heapExhausted: true })).toMatchObject({ kind: 'memory', limitBytes: null });
});

test("options of the runner's own node that an executor must not have are left out, with their values", () => {
  expect(
    inheritableExecArgv([
      '--import',
      'tsx',
      '--inspect=9229',
      '--inspect-brk',
      '--inspect-port',
      '9230',
      '-e',
      'code',
      '--eval=code',
      '--watch',
      '--watch-path',
      'src',
      '--test',
      '--test-only',
      '--test-name-pattern',
      'x',
      '--cpu-prof',
      '--cpu-prof-dir',
      'd',
      '--env-file',
      '.env',
      '--conditions',
      'development',
      '--max-old-space-size=100',
      '-r',
      './hook.cjs',
      '--enable-source-maps',
    ]),
  ).toEqual([
    '--import',
    'tsx',
    '--conditions',
    'development',
    '--max-old-space-size=100',
    '-r',
    './hook.cjs',
    '--enable-source-maps',
  ]);
  expect(inheritableNodeOptions('--inspect --require "./with space.cjs" --max-http-header-size=1')).toBe(
    '--require "./with space.cjs" --max-http-header-size=1',
  );
  expect(inheritableNodeOptions('--inspect')).toBeUndefined();
});

test('the heap stays under the memory limit, and has a size that node starts with', () => {
  expect(heapMegabytes(512 * 1024 * 1024)).toBe(409);
  expect(heapMegabytes(1)).toBe(24);
});

test('S-14 secrets of the runner are left out of the environment, unless the pool asks for them', () => {
  const own = { PATH: '/bin', FLAME_REDIS_URL: 'x', REDIS_URL: 'x', FLAME_SIGNING_KEY_FILE: 'x', FLAME_POOL: 'images' };
  const env = { REDIS_URL: 'redis://my-own-cache' };
  const made = executorEnv({ own, env, passEnv: [], secrets: { keys: [], others: [] } });
  expect(markedEnv(made, 'm')).toEqual({
    PATH: '/bin',
    FLAME_POOL: 'images',
    REDIS_URL: 'redis://my-own-cache',
    FLAME_EXECUTOR: '1',
    FLAME_EXECUTOR_MARK: 'm',
  });
});

test('F05 the pause between boots doubles up to half a minute', () => {
  expect([0, 1, 2, 3, 9, 10, 1_000].map(spawnBackoffMs)).toEqual([0, 100, 200, 400, 25_600, 30_000, 30_000]);
});

test('S-10 what is no message of an executor is ignored', () => {
  const good = { t: 'returned', seq: 1, frame: Buffer.from('x'), marks: [1, 2], unfinished: false };
  expect(parseFromExecutor(good)).toBe(good);
  expect(parseFromExecutor({ ...good, marks: undefined })).toBeDefined();
  for (const bad of [
    null,
    undefined,
    'returned',
    7,
    [],
    {},
    { t: 'toString' },
    { t: '__proto__' },
    { ...good, frame: 'x' },
    { ...good, seq: '1' },
    { ...good, marks: [1] },
    { ...good, marks: [1, 'x'] },
    { t: 'ready' },
    { t: 'threw', seq: 1 },
    { t: 'nested', seq: 1, id: 1 },
  ])
    expect(parseFromExecutor(bad)).toBeUndefined();
});

test('a burst passes whole, a flood is thinned to its newest values', () => {
  vi.useFakeTimers();
  try {
    let now = 0;
    const sent: number[] = [];
    const throttle = createThrottle(
      (value: number) => sent.push(value),
      () => now,
    );
    for (let i = 0; i < 100; i += 1) throttle.send(i);
    expect(sent).toHaveLength(100);
    for (let i = 100; i < 1_000; i += 1) throttle.send(i);
    expect(sent).toHaveLength(100);
    // Time passes without the event loop turning: the next value goes out by itself.
    now += 50;
    throttle.send(1_000);
    expect(sent.at(-1)).toBe(1_000);
    throttle.send(1_001);
    throttle.send(1_002);
    vi.advanceTimersByTime(60);
    expect(sent.slice(-2)).toEqual([1_000, 1_002]);
    throttle.flush();
    expect(sent.at(-1)).toBe(1_002);
  } finally {
    vi.useRealTimers();
  }
});
