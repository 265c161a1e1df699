/** What whoever can write to Redis cannot do: change a call, move it, run it again, or put lines into logs and names into keys. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createHousekeeping, newCallId, type RedisClient, whenReady } from '@flamejs/protocol';
import { FlameCodecError, FlameUntrustedError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';

const signingKey = randomBytes(24).toString('hex');
let fleet: Fleet;
let steady: RedisClient;

beforeAll(async () => {
  fleet = await startFleet({
    pools: { main: { maxConcurrency: 4 }, other: { maxConcurrency: 1 } },
    app: { signingKey },
    env: { FLAME_SIGNING_KEY: signingKey },
  });
  await Promise.all([fleet.runner('main', { FLAME_LOG_LEVEL: 'trace' }), fleet.runner('other')]);
  steady = connect(fleet.config.redis, 'steady', 'test');
  steady.on('error', () => undefined);
  await whenReady(steady, 10_000);
});
afterAll(async () => {
  steady?.disconnect();
  await fleet?.stop();
});

const file = (): string => `${fleet.redis.folder}/effects-${randomBytes(4).toString('hex')}`;
const executions = (path: string): number =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('start')).length
    : 0;
const outcomeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'executed',
    (error: unknown) => error,
  );

type Envelope = Record<string, unknown> & { readonly opts: Record<string, unknown> };

/** Casts a call that rests, changes its envelope, and lets it run. */
const changed = async (path: string, change: (envelope: Envelope) => object, args: readonly unknown[] = []) => {
  const handle = await fleet.flame.cast(tasks.effect.with({ delay: '1h', retries: 1 }), path, 0, ...args);
  const { queue } = fleet.keys();
  const jobKey = `${queue}${handle.id}`;
  const envelope = JSON.parse((await fleet.client.hget(jobKey, 'data')) ?? '{}') as Envelope;
  await fleet.client.hset(jobKey, 'data', JSON.stringify(change(envelope)));
  await fleet.client.zadd(`${queue}delayed`, 'XX', 0, handle.id);
  await createHousekeeping(steady, fleet.keys(), 'main', fleet.config).promoteDelayed();
  return { id: handle.id, envelope, outcome: await outcomeOf(handle.result()) };
};

test('S-10 no field of a signed call can be changed, added or taken away: it is not executed, and says that it is not trusted', async () => {
  const path = file();
  const honest = await changed(path, (envelope) => envelope);
  expect([honest.outcome, executions(path)]).toEqual(['executed', 1]);
  const { opts, ...fields } = honest.envelope;
  const other = (value: unknown): unknown =>
    typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${String(value)}x`;
  const changes: readonly (readonly [string, (envelope: Envelope) => object])[] = [
    ...Object.keys(fields)
      .filter((name) => name !== 'v')
      .map((name) => [name, (e: Envelope) => ({ ...e, [name]: other(e[name]) })] as const),
    ...Object.keys(opts).map(
      (name) => [name, (e: Envelope) => ({ ...e, opts: { ...e.opts, [name]: other(e.opts[name]) } })] as const,
    ),
    ['another function', (e) => ({ ...e, fn: 'exit' })],
    ['scope', (e) => ({ ...e, scope: 'main.other' })],
    ['sealed', (e) => ({ ...e, sealed: 'AAAA' })],
    ['no signature', ({ sig: _, ...e }) => e],
    ['an empty signature', (e) => ({ ...e, sig: '' })],
    ['a field that nobody reads', (e) => ({ ...e, more: 1 })],
  ];
  expect(changes.map(([name]) => name)).toEqual(
    expect.arrayContaining(['fn', 'args', 'release', 'size', 'by', 'sig', 'timeoutMs', 'retries', 'failOnLoss']),
  );
  const evil = file();
  const outcomes = await Promise.all(
    changes.map(async ([name, change]) => [name, (await changed(evil, change)).outcome] as const),
  );
  for (const [name, outcome] of outcomes) expect(outcome, name).toBeInstanceOf(FlameUntrustedError);
  expect((await changed(evil, (e) => ({ ...e, v: 2 }))).outcome).toBeInstanceOf(FlameCodecError);
  expect(executions(evil)).toBe(0);
});

test('S-10 a signed call that is copied under another id, into another pool, or queued again once it has ended, does not run', async () => {
  const path = file();
  const { id, envelope } = await changed(path, (e) => e);
  expect(executions(path)).toBe(1);
  const copied = await changed(path, () => envelope);
  expect(copied.outcome).toBeInstanceOf(FlameUntrustedError);

  const there = await fleet.flame.cast(tasks.echo.with({ delay: '1h' }), 1);
  const { queue } = fleet.keys('other');
  const elsewhere = `other.${there.id.split('.')[1]}`;
  const hash = await fleet.client.hgetall(`${fleet.keys().queue}${there.id}`);
  await fleet.client.hset(`${queue}${elsewhere}`, hash);
  await fleet.client.lpush(`${queue}wait`, elsewhere);
  await fleet.client.zadd(`${queue}marker`, 0, '0');
  expect(await outcomeOf(fleet.flame.attach(elsewhere).result())).toBeInstanceOf(FlameUntrustedError);

  // Its outcome is kept: the job is put in line again, and only its place is cleared.
  await fleet.client.lpush(`${fleet.keys().queue}wait`, id);
  await fleet.client.zadd(`${fleet.keys().queue}marker`, 0, '0');
  await waitFor(
    async () =>
      (await fleet.client.llen(`${fleet.keys().queue}wait`)) +
        (await fleet.client.llen(`${fleet.keys().queue}active`)) ===
      0,
    {
      what: 'the replayed job to be cleared away',
    },
  );
  expect(executions(path)).toBe(1);
  expect(await outcomeOf(fleet.flame.attach(id).result())).toBe('executed');
});

/** What has been found to break lines, terminals, keys or pages. */
const NASTY = [
  'two\nlines',
  'carriage\rreturn',
  'both\r\n{"level":60,"msg":"forged"}',
  '\u001b[2J\u001b[31mred',
  '\u0000nul',
  'bell\u0007',
  'back\bspace',
  '\u2028line separator',
  '\u202ereversed',
  '{hashtag}',
  '}:evil:{',
  'a:b:c',
  '*',
  '../../etc/passwd',
  '__proto__',
  '<img src=x onerror=alert(1)>',
  '%0d%0aSet-Cookie: a=b',
  "'; DROP TABLE jobs; --",
  '\ud800',
  'x'.repeat(990),
] as const;

test('S-12 ids, messages, reasons and output with control characters and key syntax stay one line each, and plain', async () => {
  expect(NASTY).toHaveLength(20);
  const { flame, client } = fleet;
  const runner = fleet.started[0]?.process;
  const ids: string[] = [];
  for (const text of NASTY) {
    const handle = await flame.cast(tasks.fail.with({ id: text }), text);
    ids.push(handle.id);
    await outcomeOf(handle.result());
    const resting = await flame.cast(tasks.echo.with({ id: `${text}!`, delay: '1h' }), text);
    await resting.cancel(text);
    await flame.schedule(text.slice(0, 200), { every: '1h' }, tasks.echo, text);
    const logged = await flame.cast(tasks.write, text, text);
    await logged.result();
    ids.push(logged.id);
  }
  // Each line of the runner's log is one record of ours; nothing that was printed became one.
  const lines = (runner?.output() ?? '').split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(NASTY.length * 2);
  for (const line of lines) {
    const record = JSON.parse(line) as { level: number; msg: string };
    expect(record.level, line.slice(0, 200)).not.toBe(60);
    expect(line).not.toMatch(CONTROL);
    if ('stream' in record) expect(record.msg).not.toMatch(CONTROL);
  }
  for (const key of await client.keys('*'))
    expect(key).toMatch(/^\{flame:t[0-9a-f]{8}(:(main|other))?\}:[A-Za-z0-9:._-]+$/);
  for (const id of ids) {
    for (const line of await client.lrange(`${fleet.keys().queue}${id}:logs`, 0, -1)) expect(line).not.toMatch(CONTROL);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

test('S-24 ids have 130 random bits, and signatures are compared in constant time', () => {
  const ids = Array.from({ length: 5_000 }, () => newCallId('main'));
  expect(new Set(ids).size).toBe(5_000);
  expect(ids.filter((id) => !/^main\.[a-z2-7]{26}$/.test(id))).toEqual([]);
  const counts = new Map<string, number>();
  for (const id of ids) for (const char of id.slice(5)) counts.set(char, (counts.get(char) ?? 0) + 1);
  // 130,000 draws of 32 letters: 4,062 each, give or take 8 standard deviations.
  expect(counts.size).toBe(32);
  expect([...counts].filter(([, count]) => Math.abs(count - 4_062) > 502)).toEqual([]);
  // Where a secret is compared, it is by timingSafeEqual and by nothing else.
  const source = (path: string): string => readFileSync(new URL(`../../packages/${path}`, import.meta.url), 'utf8');
  expect(source('protocol/src/envelope.ts')).toMatch(/timingSafeEqual\(expected, found\)/);
  expect(source('protocol/src/envelope.ts')).not.toMatch(/sig\s*===\s*(?!undefined|\s)/);
  expect(source('dashboard/src/guard/credential.ts')).toMatch(/timingSafeEqual\(/);
});
