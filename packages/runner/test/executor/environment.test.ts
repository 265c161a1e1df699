/** What executors are given of their runner's environment, and what happens when code asks for the rest. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test } from 'vitest';
import { BASIC_ENV, executorEnv, missedEnvAdvice } from '../../src/executor/executor-env.ts';
import { type TestPool, testPool, valueFrom, waitFor } from './support.ts';

const scratch = mkdtempSync(join(tmpdir(), 'flame-environment-test-'));
symlinkSync(join(dirname(fileURLToPath(import.meta.url)), '../../../../node_modules'), join(scratch, 'node_modules'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const file = join(scratch, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const functions = (name: string, bodies: Readonly<Record<string, string>>, top = ''): string =>
  write(
    name,
    `import { defineFunction } from '@flamejs/queue';\n${top}\n${Object.entries(bodies)
      .map(([fn, body]) => `defineFunction('${fn}', {}, ${body});`)
      .join('\n')}`,
  );

const set = (variables: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(variables)) process.env[name] = value;
  changed.push(...Object.keys(variables));
};
const changed: string[] = [];
afterEach(() => {
  for (const name of changed.splice(0)) delete process.env[name];
});

const warningsOf = (pool: TestPool, name: string): readonly string[] =>
  pool.warnings.filter((line) => line.includes(`"variable":"${name}"`));

const NO_SECRETS = { keys: [], others: [] };

test('T-03: of the environment executors get the basics, what env says, and what passEnv picks; nothing else', async () => {
  set({ MY_CLOUD_TOKEN: 'canary', AWS_REGION: 'here', AWS_PROFILE: 'mine', EXACT: 'yes', LC_TIME: 'C' });
  const module = functions('shows.mjs', { env: '() => ({ ...process.env })' });
  const pool = testPool({ modules: [module], env: { GIVEN: 'by the pool' }, passEnv: ['AWS_*', 'EXACT'] });
  const env = (await valueFrom(pool.call('env'))) as Record<string, string>;
  expect(env).toMatchObject({
    GIVEN: 'by the pool',
    AWS_REGION: 'here',
    AWS_PROFILE: 'mine',
    EXACT: 'yes',
    LC_TIME: 'C',
  });
  expect(env.PATH).toBe(process.env.PATH);
  expect(JSON.stringify(env)).not.toContain('canary');
});

test('T-03: a thread gets no more than a process', async () => {
  set({ MY_CLOUD_TOKEN: 'canary', EXACT: 'yes' });
  const module = functions('shows-thread.mjs', { env: '() => ({ ...process.env })' });
  const pool = testPool({ modules: [module], isolation: 'thread', passEnv: ['EXACT'] });
  const env = (await valueFrom(pool.call('env'))) as Record<string, string>;
  expect(env.EXACT).toBe('yes');
  expect(JSON.stringify(env)).not.toContain('canary');
});

test('T-03: secrets of ours pass under no name, whole or as a part, plain or as URLs write it; only env brings one, and never a key', () => {
  const secrets = { keys: ['the signing key'], others: ['p@ss/word-1', 'short'] };
  const own = {
    FLAME_SIGNING_KEY: 'the signing key',
    RENAMED_KEY: 'the signing key',
    CACHE_URL: `redis://:${encodeURIComponent('p@ss/word-1')}@cache:6379`,
    NOTE: 'it is p@ss/word-1, they say',
    SAME: 'short',
    SHORTER: 'a short one may be chance',
    HARMLESS: 'redis://cache:6379',
    FLAME_DASHBOARD_TOKEN: 'any',
  };
  const { env, withheld } = executorEnv({ own, env: {}, passEnv: ['*'], secrets });
  expect(env).toEqual({ SHORTER: own.SHORTER, HARMLESS: own.HARMLESS });
  expect(Object.fromEntries(withheld)).toEqual({
    FLAME_SIGNING_KEY: 'none',
    RENAMED_KEY: 'none',
    CACHE_URL: 'env',
    NOTE: 'env',
    SAME: 'env',
    FLAME_DASHBOARD_TOKEN: 'env',
  });
  const given = executorEnv({ own, env: { CACHE_URL: own.CACHE_URL, K: own.RENAMED_KEY }, passEnv: [], secrets });
  expect(given.env).toEqual({ CACHE_URL: own.CACHE_URL });
  expect(given.withheld.get('K')).toBe('none');
});

test('T-03: the basics are those of the docs, a pattern is no regular expression, and a name that only begins like a basic is none', () => {
  const own = { 'A.B': '1', AXB: '2', PATHS: '3', LC_ALL: '4' };
  const { env } = executorEnv({ own, env: {}, passEnv: ['A.B'], secrets: NO_SECRETS });
  expect(env).toEqual({ 'A.B': '1', LC_ALL: '4' });
  const page = readFileSync(new URL('../../../../docs/executors.md', import.meta.url), 'utf8');
  const [, section = ''] = /## Environment variables\n([\s\S]*?)\nWhat else/.exec(page) ?? [];
  const documented = [...section.matchAll(/`([A-Za-z_*]+)`/g)].map(([, each]) => each);
  expect(documented.filter((each) => each !== 'NODE_OPTIONS').sort()).toEqual([...BASIC_ENV].sort());
  expect(BASIC_ENV.filter((name) => name.startsWith('NODE_'))).toEqual([
    'NODE_ENV',
    'NODE_PATH',
    'NODE_EXTRA_CA_CERTS',
  ]);
});

test('A-26: a function that reads what it was not given is warned of once, with the line to add', async () => {
  set({ DATABASE_URL: 'postgres://db', OTHER_URL: 'x', NEVER_READ: 'x' });
  const module = functions('reads.mjs', {
    url: "() => process.env.DATABASE_URL ?? 'fallback'",
    has: "async () => { await null; return 'OTHER_URL' in process.env; }",
  });
  const pool = testPool({ modules: [module], slots: 2 });
  expect(await valueFrom(pool.call('url'))).toBe('fallback');
  expect(await valueFrom(pool.call('url'))).toBe('fallback');
  expect(await valueFrom(pool.call('has'))).toBe(false);
  await waitFor(() => warningsOf(pool, 'OTHER_URL').length > 0, { what: 'the warning' });
  expect(warningsOf(pool, 'DATABASE_URL')).toHaveLength(1);
  expect(warningsOf(pool, 'DATABASE_URL')[0]).toContain("add passEnv: ['DATABASE_URL']");
  expect(warningsOf(pool, 'NEVER_READ')).toEqual([]);
});

test('A-26: a module that needs a variable to load says which one is missing, and what to add, in the boot error', async () => {
  set({ REDIS_URL: 'redis://:the-password@host' });
  write('schema.mjs', "export const check = (env) => { if (!env.REDIS_URL) throw new Error('REDIS_URL: Required'); };");
  const module = write('checks.mjs', "import { check } from './schema.mjs';\ncheck(process.env);");
  const pool = testPool({ modules: [module], secrets: { keys: [], others: ['the-password'] } });
  const message = await pool.start().catch((error: Error) => error.message);
  expect(message).toContain('REDIS_URL: Required');
  expect(message).toContain("add env: { REDIS_URL: process.env.REDIS_URL ?? '' }");
  expect(message).not.toContain('the-password');
});

test('A-26: flame.config itself, libraries that are loaded and Node ask without a warning', async () => {
  set({ REDIS_URL: 'redis://host', LIBRARY_OPTION: 'x', ASKED_BY_APP: 'x' });
  write('node_modules_of/app/node_modules/lib/index.cjs', 'exports.option = process.env.LIBRARY_OPTION;');
  write('flame.config.mjs', 'export default { redis: process.env.REDIS_URL };');
  const module = write(
    'node_modules_of/app/uses.mjs',
    `import { defineFunction } from '@flamejs/queue';
     import './node_modules/lib/index.cjs';
     import '../../flame.config.mjs';
     defineFunction('ask', {}, () => process.env.ASKED_BY_APP ?? null);`,
  );
  const pool = testPool({ modules: [module], configFile: join(scratch, 'flame.config.mjs') });
  expect(await valueFrom(pool.call('ask'))).toBeNull();
  await waitFor(() => warningsOf(pool, 'ASKED_BY_APP').length > 0, { what: 'the warning' });
  expect(pool.warnings).toHaveLength(1);
});

test('A-26: no line is suggested that would not help', () => {
  expect(missedEnvAdvice('K', 'none')).toMatch(/no option passes/);
  expect(missedEnvAdvice('U', 'env')).toContain("env: { U: process.env.U ?? '' }");
});

test('C-56: what a module sets while it loads stays, although a call has loaded it; what a call sets does not', async () => {
  write('sets.mjs', "process.env.SET_BY_MODULE ??= 'module';");
  write('sets.cjs', "require('./deep.cjs'); exports.tmp = require('node:os').tmpdir();");
  write('deep.cjs', "Object.assign(process.env, { SET_DEEP: 'deep' });");
  const module = functions('loads.mjs', {
    load: `async () => {
      process.env.SET_BY_CALL = 'call';
      await import('./sets.mjs');
      return (await import('./sets.cjs')).tmp;
    }`,
    look: `async () => {
      const { writeFileSync } = await import('node:fs');
      const { tmp } = await import('./sets.cjs');
      writeFileSync(tmp + '/still-there', 'x');
      const { SET_BY_MODULE, SET_DEEP, SET_BY_CALL = null } = process.env;
      return { SET_BY_MODULE, SET_DEEP, SET_BY_CALL, pid: process.pid };
    }`,
  });
  const pool = testPool({ modules: [module] });
  const { pid: first } = (await valueFrom(pool.call('look'))) as { pid: number };
  await valueFrom(pool.call('load'));
  for (let i = 0; i < 2; i += 1) {
    expect(await valueFrom(pool.call('look'))).toEqual({
      SET_BY_MODULE: 'module',
      SET_DEEP: 'deep',
      SET_BY_CALL: null,
      pid: first,
    });
  }
  expect(pool.warnings).toEqual([]);
});

test('C-56: a variable of which nobody can tell who set it is put back, and a warning names it', async () => {
  write('late.mjs', "await new Promise((resolve) => setTimeout(resolve, 1));\nprocess.env.SET_LATE = 'late';");
  const module = functions('loads-late.mjs', {
    late: "async () => { await import('./late.mjs'); return process.env.SET_LATE; }",
    look: '() => process.env.SET_LATE ?? null',
  });
  const pool = testPool({ modules: [module] });
  expect(await valueFrom(pool.call('late'))).toBe('late');
  expect(await valueFrom(pool.call('look'))).toBeNull();
  await waitFor(() => warningsOf(pool, 'SET_LATE').length > 0, { what: 'the warning' });
});

test('C-56: a call that deletes, replaces or loads variables from a file changes nothing for the next', async () => {
  const file = write('vars.env', 'FROM_FILE=yes\n');
  const module = functions('changes.mjs', {
    change: `() => {
      delete process.env.HOME;
      process.env.TZ = 'Asia/Tokyo';
      Object.defineProperty(process.env, 'DEFINED', { value: 'x', configurable: true, enumerable: true, writable: true });
      process.loadEnvFile?.(${JSON.stringify(file)});
      return process.env.FROM_FILE ?? 'yes';
    }`,
    look: '() => [process.env.HOME, process.env.TZ, process.env.DEFINED, process.env.FROM_FILE].map((each) => each ?? null)',
  });
  const pool = testPool({ modules: [module] });
  const before = await valueFrom(pool.call('look'));
  expect(await valueFrom(pool.call('change'))).toBe('yes');
  expect(await valueFrom(pool.call('look'))).toEqual(before);
});
