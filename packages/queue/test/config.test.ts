import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { FlameConfigError } from '@flamejs/protocol/errors';
import { afterAll, expect, test } from 'vitest';
import type { Backend } from '../src/backend.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { docsOf, optionsTable } from '../src/config/docs-table.ts';
import type { ConfigInput, RedisInput } from '../src/config/input.ts';
import { parseConfig } from '../src/config/parse-config.ts';
import { poolShape } from '../src/config/pool-shape.ts';
import { deriveRelease } from '../src/config/release.ts';
import { appShape } from '../src/config/schema.ts';
import type { AppConfig } from '../src/config/types.ts';

const folder = mkdtempSync(join(tmpdir(), 'flame-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parse = (input: unknown, env: NodeJS.ProcessEnv = {}): AppConfig =>
  parseConfig(input as ConfigInput, { root: folder, configFile: undefined, env });

const problemsOf = (input: unknown, env: NodeJS.ProcessEnv = {}): readonly string[] => {
  try {
    parse(input, env);
  } catch (error) {
    if (error instanceof FlameConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
};

const MINIMAL = { app: 'shop', pools: { images: {} } };
const KEY = 'a secret of many characters';

const backend = (over: Partial<Backend> = {}): Backend => ({
  name: 'slow',
  defaults: {
    bootTimeoutMs: 300_000,
    idleShutdownAfterMs: 120_000,
    tickMs: 10_000,
    fastTickMs: 2000,
    heartbeatTimeoutMs: 600_000,
    failsafeTimeoutMs: 600_001,
    launchesPerTick: 10,
  },
  launch: async () => {
    throw new Error('not in this test');
  },
  list: async () => [],
  terminate: async () => [],
  ...over,
});

test('a minimal config is fully defaulted', () => {
  expect(parse(MINIMAL)).toEqual({
    app: 'shop',
    prefix: 'flame',
    redis: { kind: 'single', url: 'redis://127.0.0.1:6379', options: {} },
    quota: undefined,
    connectTimeoutMs: 5000,
    functions: [],
    root: folder,
    configFile: undefined,
    release: 'dev',
    releaseDerived: true,
    signingKey: undefined,
    encryptionKeys: [],
    payload: [],
    heartbeatTimeoutMs: undefined,
    failsafeTimeoutMs: undefined,
    maxCallDepth: 32,
    maxLoopRate: 10,
    signatureTtlMs: 30 * 86_400_000,
    requireSignedTime: false,
    allowEviction: false,
    allowInsecureRedis: false,
    pools: {
      images: {
        name: 'images',
        min: 0,
        max: 10,
        maxConcurrency: 1,
        singleUse: false,
        maxCallsPerExecutor: undefined,
        timeoutMs: 30_000,
        bootTimeoutMs: 30_000,
        shutdownTimeoutMs: 30_000,
        idleShutdownAfterMs: 30_000,
        idleUnless: undefined,
        scaleDownWindowMs: 30_000,
        heartbeatTimeoutMs: 60_000,
        failsafeTimeoutMs: 60_000,
        isolation: 'process',
        memoryLimit: undefined,
        killGraceMs: 1000,
        releasePolicy: 'compatible',
        functions: [],
        payloadLimit: 16 * 1024 * 1024,
        streamWindow: 4 * 1024 * 1024,
        streamRetention: 1024 * 1024,
        readTimeoutMs: 300_000,
        idleTimeoutMs: 60_000,
        maxPending: 100_000,
        limits: {},
        callAccess: 'own',
        env: {},
        passEnv: [],
        keep: [],
        backend: undefined,
        policy: undefined,
        buffer: 0,
        hooks: {},
      },
    },
  });
});

test('every option is parsed into the unit that its name says', () => {
  const unless = (): boolean => true;
  const onShrink = (): void => {};
  const policy = { name: 'mine', desired: () => 'hold' as const };
  const { pools, ...app } = parse({
    app: 'shop',
    prefix: 'acme',
    functions: ['./src/tasks/*.ts'],
    connectTimeout: '2s',
    release: 'r7',
    signingKey: KEY,
    heartbeatTimeout: '2m',
    failsafeTimeout: 90_000,
    allowEviction: true,
    pools: {
      images: {
        ...{
          min: 1,
          max: 4,
          maxConcurrency: 5,
          timeout: '10m',
          bootTimeout: '1m',
          shutdownTimeout: 0,
          killGrace: '250ms',
        },
        ...{
          idleShutdownAfter: { after: '5m', unless },
          isolation: 'thread',
          memoryLimit: '512MB',
          payloadLimit: '1MB',
        },
        ...{ maxPending: 7, env: { A: 'b' }, policy, buffer: 2, onShrink, backend: backend() },
      },
      heavy: { functions: ['./src/heavy.ts'] },
    },
  });
  expect(app).toMatchObject({
    ...{ prefix: 'acme', functions: ['./src/tasks/*.ts'], connectTimeoutMs: 2000, release: 'r7', signingKey: KEY },
    ...{ heartbeatTimeoutMs: 120_000, failsafeTimeoutMs: 90_000, allowEviction: true },
  });
  expect(pools.images).toMatchObject({
    ...{ min: 1, max: 4, maxConcurrency: 5, timeoutMs: 600_000, bootTimeoutMs: 60_000, shutdownTimeoutMs: 0 },
    ...{ killGraceMs: 250, idleShutdownAfterMs: 300_000, idleUnless: unless, scaleDownWindowMs: 300_000 },
    ...{ isolation: 'thread', memoryLimit: 512 * 1024 ** 2, payloadLimit: 1024 ** 2, maxPending: 7, env: { A: 'b' } },
    ...{ policy, buffer: 2, hooks: { onShrink }, heartbeatTimeoutMs: 120_000, failsafeTimeoutMs: 90_000 },
    functions: ['./src/tasks/*.ts'],
  });
  expect(pools.heavy?.functions).toEqual(['./src/heavy.ts']);
});

test("a backend's defaults stand in for what the config leaves out", () => {
  const { pools } = parse({
    app: 'shop',
    pools: { images: { backend: backend() }, fast: { backend: backend(), bootTimeout: '5s' } },
  });
  expect(pools.images).toMatchObject({
    ...{ bootTimeoutMs: 300_000, idleShutdownAfterMs: 120_000, scaleDownWindowMs: 120_000 },
    ...{ heartbeatTimeoutMs: 600_000, failsafeTimeoutMs: 600_001 },
  });
  expect(pools.fast).toMatchObject({ bootTimeoutMs: 5000 });
});

test('F39 configuration is validated: one error lists every problem with its path', () => {
  const problems = problemsOf({
    app: 'Shop!',
    conectTimeout: '5s',
    connectTimeout: -1,
    functions: 'x',
    signingKey: 'short',
    release: '',
    allowEviction: 'yes',
    pools: {
      images: {
        min: 5,
        max: 2,
        timeout: '-5s',
        concurrency: 3,
        idleShutdownAfter: Number.NaN,
        backend: {},
        env: { A: 1 },
      },
      reports: {
        min: -1,
        max: 1.5,
        singleUse: true,
        maxConcurrency: 2,
        isolation: 'vm',
        memoryLimit: '1  MB',
        policy: 5,
      },
      'Bad Name': { idleShutdownAfter: { after: '1s', unles: 1 }, onShrink: 'x', payloadLimit: 0, timeout: 0 },
      many: { min: 11 },
      none: 7,
    },
  });
  expect(problems.map((problem) => problem.slice(0, problem.indexOf(':'))).sort()).toEqual(
    [
      ...['app', 'conectTimeout', 'connectTimeout', 'functions', 'signingKey', 'release', 'allowEviction'],
      ...['min', 'timeout', 'concurrency', 'idleShutdownAfter', 'backend', 'env'].map((name) => `pools.images.${name}`),
      ...['min', 'max', 'maxConcurrency', 'isolation', 'memoryLimit', 'policy'].map((name) => `pools.reports.${name}`),
      ...['', '.idleShutdownAfter', '.onShrink', '.payloadLimit', '.timeout'].map((name) => `pools.Bad Name${name}`),
      ...['pools.many.min', 'pools.none'],
    ].sort(),
  );
  expect(problems).toEqual(
    expect.arrayContaining([
      'conectTimeout: unknown option. Did you mean "connectTimeout"?',
      'pools.images.concurrency: unknown option. Did you mean "maxConcurrency"?',
      'pools.images.min: must not be more than max (5 > 2)',
      'pools.many.min: must not be more than max (11 > 10)',
      'pools.reports.min: expected a whole number from 0 to 100000, got -1',
      'pools.images.backend: is no backend: it has no name',
    ]),
  );
  expect(problems.join()).not.toContain('short');
});

test('F39 the error is one FlameConfigError whose message has all of it', () => {
  expect(() => parse({ app: 'shop', pools: { images: { min: -1, timeuot: 1 } } })).toThrow(
    'the config has 2 problems:\n' +
      '  - pools.images.min: expected a whole number from 0 to 100000, got -1\n' +
      '  - pools.images.timeuot: unknown option. Did you mean "timeout"?',
  );
});

test.each([
  [undefined],
  [null],
  [5],
  ['x'],
  [[]],
  [{}],
  [{ app: 'shop' }],
  [{ app: 'shop', pools: {} }],
  [{ app: 'shop', pools: [] }],
])('F39 %o is no config', (input) => {
  expect(problemsOf(input).length).toBeGreaterThan(0);
});

test('every option has a schema that documents it, in the words of its type', () => {
  const source = readFileSync(new URL('../src/config/input.ts', import.meta.url), 'utf8');
  // An option of a pool may have the name of one of the app.
  const comments = new Set(
    [...source.matchAll(/\/\*\* (.+) \*\/\n {2}readonly (\w+)\??:/g)].map(([, text, name]) => `${name}: ${text}`),
  );
  const docs = [...Object.entries(docsOf(appShape)), ...Object.entries(docsOf(poolShape))];
  for (const [name, { description }] of docs) {
    if (!name.startsWith('on')) expect(comments).toContain(`${name}: ${description}`);
  }
  const table = optionsTable();
  for (const name of [...docs.map(([name]) => name), 'retries', 'queueTimeout', 'onRunnerLost'])
    expect(table).toContain(`| \`${name}\` |`);
  for (const row of table.split('\n').filter((line) => line.startsWith('| `'))) {
    expect(row.replaceAll('\\|', '').split('|')).toHaveLength(6);
  }
});

const SAFE = { allowInsecureRedis: true, signingKey: KEY };

test.each<[string, RedisInput, string[]]>([
  ['a URL on this machine', 'redis://localhost:6379/2', []],
  ['127.0.0.0/8', 'redis://127.9.9.9', []],
  ['IPv6 loopback', 'redis://[::1]:6379', []],
  ['a socket', '/run/redis.sock', []],
  ['options without a host', { port: 6380 }, []],
  ['a socket in options', { path: '/run/redis.sock', host: 'ignored.example' }, []],
  ['a password on another host', 'rediss://u:p@cache.example:6380', ['signingKey']],
  ['another host without a password', 'redis://cache.example:6379', ['redis', 'signingKey']],
  ['a name that only begins like loopback', 'redis://127.0.0.1.evil.example', ['redis', 'signingKey']],
  ['an unspecified address', 'redis://0.0.0.0:6379', ['redis', 'signingKey']],
  ['options of another host', { host: '10.0.0.5' }, ['redis', 'signingKey']],
  ['options with a password', { host: '10.0.0.5', password: 'p' }, ['signingKey']],
  ['a client certificate', { host: '10.0.0.5', tls: { cert: 'x' } }, ['signingKey']],
  ['TLS alone', { host: '10.0.0.5', tls: {} }, ['redis', 'signingKey']],
  [
    'S-23 TLS that takes any certificate',
    { host: '10.0.0.5', password: 'p', tls: { rejectUnauthorized: false } },
    ['redis', 'signingKey'],
  ],
  ['sentinels elsewhere', { name: 'm', sentinels: [{ host: '127.0.0.1' }, { host: 's2' }] }, ['redis', 'signingKey']],
  ['a local cluster', { cluster: ['redis://127.0.0.1:7000', { host: 'localhost', port: 7001 }] }, []],
  ['a cluster elsewhere', { cluster: [{ host: 'n1' }] }, ['redis', 'signingKey']],
  ['its password', { cluster: [{ host: 'n1' }], options: { redisOptions: { password: 'p' } } }, ['signingKey']],
  ['its password in a URL', { cluster: ['redis://:p@n1:7000'] }, ['signingKey']],
])('S-05 redis as %s', (_, redis, refused) => {
  const paths = problemsOf({ ...MINIMAL, redis }).map((problem) => problem.split(':')[0]);
  expect(paths).toEqual(refused);
  expect(problemsOf({ ...MINIMAL, redis, ...SAFE })).toEqual([]);
});

test('S-07 an address that cannot be read is refused without showing what is in it', () => {
  for (const redis of [
    'localhost:6379',
    'http://u:hunter2@x',
    'hunter2',
    'redis://:hunter2@:99999999',
    5,
    { cluster: [] },
  ]) {
    const problems = problemsOf({ ...MINIMAL, redis });
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('hunter2');
  }
  expect(problemsOf({ ...MINIMAL, redis: { url: 'redis://x' } })[0]).toMatch(/^redis\.url: /);
  const remote = problemsOf({ ...MINIMAL, redis: 'redis://u:hunter2@cache.example' });
  expect(remote).toHaveLength(1);
  expect(remote.join()).not.toContain('hunter2');
});

test('the environment points a runner elsewhere: FLAME_REDIS_URL wins, REDIS_URL fills in', () => {
  const local = { ...MINIMAL, redis: 'redis://localhost:1' };
  expect(parse(local, { FLAME_REDIS_URL: 'redis://localhost:2', REDIS_URL: 'redis://localhost:3' }).redis).toEqual({
    ...{ kind: 'single', url: 'redis://localhost:2', options: {} },
  });
  expect(parse(local, { REDIS_URL: 'redis://localhost:3' }).redis).toMatchObject({ url: 'redis://localhost:1' });
  expect(parse(MINIMAL, { REDIS_URL: 'redis://localhost:3' }).redis).toMatchObject({ url: 'redis://localhost:3' });
  expect(problemsOf(MINIMAL, { FLAME_REDIS_URL: 'nope' })).toEqual([expect.stringMatching(/^FLAME_REDIS_URL: /)]);
});

test('an address from the environment keeps other options, and takes credentials with it', () => {
  const redis = { host: 'a', username: 'u', password: 'p', db: 3, sentinels: [], keepAlive: 5, tls: { ca: 'x' } };
  const env = { FLAME_REDIS_URL: 'redis://localhost:2' };
  expect(parse({ ...MINIMAL, redis }, env).redis).toEqual({
    ...{ kind: 'single', url: 'redis://localhost:2', options: { keepAlive: 5 } },
  });
  expect(parse({ ...MINIMAL, redis }, { FLAME_REDIS_URL: 'rediss://v:%20w@localhost:2/1' }).redis).toEqual({
    kind: 'single',
    url: undefined,
    options: { keepAlive: 5, host: 'localhost', port: 2, db: 1, username: 'v', password: ' w', tls: { ca: 'x' } },
  });
  const cluster = { cluster: ['redis://localhost:7'], options: { redisOptions: { password: 'p', family: 6 } } };
  expect(parse({ ...MINIMAL, redis: cluster }, env).redis).toEqual({
    kind: 'cluster',
    nodes: [{ host: 'localhost', port: 2 }],
    options: { redisOptions: { family: 6 } },
  });
});

test('secrets may come from files, as containers hand them over', () => {
  const key = join(folder, 'key');
  const url = join(folder, 'url');
  writeFileSync(key, `${KEY}\n`);
  writeFileSync(url, 'rediss://u:p@cache.example\n');
  const env = { FLAME_SIGNING_KEY_FILE: key, FLAME_REDIS_URL_FILE: url };
  expect(parse(MINIMAL, env)).toMatchObject({ signingKey: KEY, redis: { url: 'rediss://u:p@cache.example' } });
  expect(parse(MINIMAL, { ...env, FLAME_SIGNING_KEY: `${KEY}2` }).signingKey).toBe(`${KEY}2`);
  expect(problemsOf(MINIMAL, { FLAME_SIGNING_KEY_FILE: join(folder, 'gone') })).toEqual([
    expect.stringMatching(/^FLAME_SIGNING_KEY_FILE: names a file that cannot be read \(ENOENT\)/),
  ]);
  expect(problemsOf(MINIMAL, { FLAME_SIGNING_KEY: 'short' })).toEqual([expect.stringMatching(/^FLAME_SIGNING_KEY: /)]);
});

test('an executor and inline mode have no secrets and need none', () => {
  const remote = { ...MINIMAL, redis: 'redis://cache.example' };
  expect(problemsOf(remote)).toHaveLength(2);
  expect(problemsOf(remote, { FLAME_EXECUTOR: '1' })).toEqual([]);
  expect(problemsOf(remote, { FLAME_MODE: 'inline' })).toEqual([]);
});

test('the release: FLAME_RELEASE, the config, the commit, the version, dev', () => {
  expect(parse({ ...MINIMAL, release: 'r1' }, { FLAME_RELEASE: 'r2' }).release).toBe('r2');
  expect(parse({ ...MINIMAL, release: 'r1' }).release).toBe('r1');
  const at = join(folder, 'app');
  const inner = join(at, 'packages', 'web');
  mkdirSync(inner, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{"name":"a","version":"1.0.0"}');
  const byVersion = deriveRelease(inner);
  expect(byVersion).toMatch(/^[0-9a-f]{12}$/);
  writeFileSync(join(at, 'package.json'), '{"name":"a","version":"1.0.1"}');
  expect(deriveRelease(inner)).not.toBe(byVersion);

  mkdirSync(join(at, '.git', 'refs', 'heads'), { recursive: true });
  writeFileSync(join(at, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(at, '.git', 'packed-refs'), `# pack-refs\n${'a'.repeat(40)} refs/heads/main\n`);
  const packed = deriveRelease(inner);
  writeFileSync(join(inner, 'package.json'), '{"name":"web","version":"9.0.0"}');
  expect(deriveRelease(inner)).toBe(packed);
  expect(deriveRelease(at)).toBe(packed);
  writeFileSync(join(at, '.git', 'refs', 'heads', 'main'), 'b'.repeat(40));
  expect(deriveRelease(at)).not.toBe(packed);

  const linked = join(folder, 'linked');
  const gitdir = join(at, '.git', 'worktrees', 'linked');
  mkdirSync(linked);
  mkdirSync(gitdir, { recursive: true });
  writeFileSync(join(linked, '.git'), `gitdir: ${gitdir}\n`);
  writeFileSync(join(gitdir, 'HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(gitdir, 'commondir'), '../..\n');
  expect(deriveRelease(linked)).toBe(deriveRelease(at));
});

test('defineConfig parses at once and keeps what it was made of out of sight', () => {
  const config = defineConfig({ app: 'shop', redis: 'redis://localhost', pools: { images: { timeout: '5s' } } });
  expect(config.pools.images?.timeoutMs).toBe(5000);
  expect(config.root).toBe(process.cwd());
  expect(Object.getOwnPropertySymbols({ ...config })).toEqual([]);
  expect(() => defineConfig({ app: 'shop', pools: { images: { min: 3, max: 1 } } })).toThrow(FlameConfigError);
});

test('S-07 printing a config shows no secret', () => {
  const redis: readonly RedisInput[] = [
    'rediss://u:hunter2@cache.example:6380/1?password=hunter2',
    { host: 'cache.example', password: 'hunter2', tls: { key: 'hunter2' } },
    { cluster: ['rediss://u:hunter2@n1'], options: { redisOptions: { password: 'hunter2' } } },
  ];
  for (const address of redis) {
    const config = defineConfig({
      app: 'shop',
      redis: address,
      signingKey: `${KEY} hunter2`,
      pools: { images: { env: { A: 'hunter2' } } },
    });
    for (const text of [inspect(config, { depth: 9 }), JSON.stringify(config), JSON.stringify({ config })]) {
      expect(text).not.toContain('hunter2');
      expect(text).toMatch(/cache\.example|n1/);
    }
    expect(JSON.stringify(config.redis)).toContain('hunter2');
  }
});

test('EX-09 external() is accepted where a backend is, and what a platform cannot do is refused', () => {
  const defaults = { bootTimeoutMs: 9, idleShutdownAfterMs: 8, heartbeatTimeoutMs: 7, failsafeTimeoutMs: 6 };
  const backend = { name: 'external', scaledBy: 'platform', defaults };
  const accepted = parse({ app: 'shop', pools: { work: { backend } } }).pools.work;
  expect(accepted).toMatchObject({ bootTimeoutMs: 9, idleShutdownAfterMs: 8, heartbeatTimeoutMs: 7 });
  const pools = {
    once: { backend, singleUse: true },
    asked: { backend, idleShutdownAfter: { after: 5, unless: () => true } },
  };
  expect(problemsOf({ app: 'shop', quota: 15, pools })).toEqual([
    expect.stringMatching(/^pools\.once\.singleUse: cannot be used with external\(\): the platform would start/),
    expect.stringMatching(/^pools\.asked\.idleShutdownAfter\.unless: .* picks which runner it ends/),
    expect.stringMatching(/^quota: .*\(20 > 15\)/),
  ]);
  expect(problemsOf({ app: 'shop', pools: { work: { backend: { name: 'external', defaults } } } })).toEqual([
    expect.stringContaining('has no function launch, list, terminate'),
  ]);
});
