/** How executors come up: warm, with the right environment, and without a storm when they cannot. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FlameBootError } from '@flamejs/queue/internal';
import { afterAll, expect, test } from 'vitest';
import { isAlive } from '../../../../tests/support/processes.ts';
import { fixture, testPool, valueFrom, waitFor } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'flame-boot-test-'));
// Modules that are written here find the packages of this repository.
symlinkSync(join(dirname(fileURLToPath(import.meta.url)), '../../../../node_modules'), join(scratch, 'node_modules'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = join(scratch, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};

test('F06 a module that throws while it loads is named, to the start and to every call', async () => {
  const broken = write('broken.mjs', "throw new Error('no such table: users');");
  const pool = testPool({ modules: [broken] });
  const error = await pool.start().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FlameBootError);
  expect(String(error)).toContain('no such table: users');
  const result = await pool.call('echo').result;
  expect(result).toMatchObject({ kind: 'boot-failed' });
  expect(result.kind === 'boot-failed' ? result.message : '').toMatch(
    /broken\.mjs cannot be loaded: Error: no such table/,
  );
});

test('a module that ends its process while it loads is a boot failure with its stderr', async () => {
  const quitter = write('quitter.mjs', "process.stderr.write('config missing\\n'); process.exit(4);");
  const pool = testPool({ modules: [quitter] });
  const result = await pool.call('echo').result;
  expect(result.kind === 'boot-failed' ? result.message : '').toMatch(/exited with code 4[\s\S]*config missing/);
});

test('a module that never finishes loading is given up', async () => {
  const hanging = write('hanging.mjs', 'await new Promise((resolve) => setTimeout(resolve, 600_000));');
  const pool = testPool({ modules: [hanging], bootTimeoutMs: 1_500 });
  expect(await pool.call('echo').result).toMatchObject({
    kind: 'boot-failed',
    message: expect.stringContaining('did not finish loading within 1500 ms') as string,
  });
});

test('ER-07 F05 boots that fail are tried again with growing pauses, and calls work once the cause is gone', async () => {
  const counter = join(scratch, 'boots');
  const flag = join(scratch, 'flag');
  const flaky = write(
    'flaky.mjs',
    `import { appendFileSync, existsSync } from 'node:fs';
     import { defineFunction } from '@flamejs/queue';
     appendFileSync(${JSON.stringify(counter)}, \`\${Date.now()}\\n\`);
     if (!existsSync(${JSON.stringify(flag)})) throw new Error('not yet');
     defineFunction('works', {}, () => 'yes');`,
  );
  const pool = testPool({ slots: 4, modules: [flaky] });
  for (let i = 0; i < 4; i += 1) expect(await pool.call('works').result).toMatchObject({ kind: 'boot-failed' });
  const pauses = pool.warnings.map((line) => Number(/"delayMs":(\d+)/.exec(line)?.[1]));
  expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800]);
  writeFileSync(flag, '');
  expect(await valueFrom(pool.call('works'))).toBe('yes');
});

test('ER-08 an executor that comes up and falls over before its first call does not start a storm', async () => {
  const faint = write('faint.mjs', 'setTimeout(() => process.exit(1), 20);');
  const pool = testPool({ modules: [faint] });
  await pool.start();
  await waitFor(() => pool.warnings.length >= 3, { what: 'three attempts' });
  expect(pool.warnings.map((line) => Number(/"delayMs":(\d+)/.exec(line)?.[1])).slice(0, 3)).toEqual([100, 200, 400]);
});

test('executors get the environment without the secrets of the runner, and with the marks of an executor', async () => {
  const secrets = [
    'FLAME_REDIS_URL',
    'FLAME_REDIS_URL_FILE',
    'FLAME_SIGNING_KEY',
    'FLAME_SIGNING_KEY_FILE',
    'REDIS_URL',
  ];
  for (const name of secrets) process.env[name] = 'canary';
  process.env.ORDINARY = 'kept';
  try {
    const pool = testPool({ env: { EXTRA: 'given' }, passEnv: ['ORDINARY'] });
    const env = (await valueFrom(pool.call('env'))) as Record<string, string>;
    expect(JSON.stringify(env)).not.toContain('canary');
    expect(env).toMatchObject({ ORDINARY: 'kept', EXTRA: 'given', FLAME_EXECUTOR: '1' });
    expect(env.FLAME_EXECUTOR_MARK).toMatch(/^\d+-[0-9a-f]{12}-\d+$/);
    expect(env.NODE_CHANNEL_FD).toBeUndefined();
  } finally {
    for (const name of [...secrets, 'ORDINARY']) delete process.env[name];
  }
});

test('a warm spare takes over while the executor of a killed call is replaced', async () => {
  // The second module prints a line when the first, the heavy one, is loaded.
  const pool = testPool({ spare: 1, modules: [fixture('functions.mjs'), fixture('talkative.mjs')] });
  await pool.start();
  await waitFor(() => pool.lines.length === 2, { what: 'the spare' });
  const spares = [...pool.pids];
  const busy = pool.call('spin', [600_000], { killGraceMs: 50 });
  await waitFor(() => busy.started, { what: 'the call to start' });
  busy.cancel('enough');
  await busy.result;
  expect(spares).toContain(await valueFrom(pool.call('pid')));
});

test('ME-04 F17 with one call for each executor, every call finds a fresh process', async () => {
  const pool = testPool({ spare: 1, maxCallsPerExecutor: 1 });
  const pids: unknown[] = [];
  for (let i = 0; i < 4; i += 1) pids.push(await valueFrom(pool.call('pid')));
  expect(new Set(pids).size).toBe(4);
  await waitFor(() => pids.slice(0, 3).every((pid) => !isAlive(pid as number)), { what: 'the used ones to end' });
});

test('a pool of many slots starts the first executor alone, and serves calls from then on', async () => {
  const pool = testPool({ slots: 6 });
  await pool.start();
  expect(await valueFrom(pool.call('echo', [1]))).toEqual([1]);
});

test.each(['process', 'thread'] as const)(
  'modules in TypeScript load through the tsx of the application (%s)',
  async (isolation) => {
    const typed = write(
      'typed.ts',
      "import { defineFunction } from '@flamejs/queue';\ntype N = number;\ndefineFunction('typed', {}, (n: N): N => n + 1);",
    );
    const pool = testPool({ isolation, modules: [typed], root: scratch });
    expect(await valueFrom(pool.call('typed', [1]))).toBe(2);
  },
);
