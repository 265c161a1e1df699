import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fleet, type RunnerProcess, startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Ran, flame as run } from './flame.ts';

const folder = mkdtempSync(join(tmpdir(), 'flame-commands-'));
let fleet: Fleet;
let runner: RunnerProcess;
// Warnings about Redis come when they come, and are not what is looked at.
const flame = (...args: string[]): Promise<Ran> => run(args, { env: { ...fleet.env, LOG_LEVEL: 'error' } });

beforeAll(async () => {
  // Without an autoscaler, whose heartbeat is missed after a minute otherwise.
  const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
  fleet = await startFleet({ pools: { main: { max: 4, maxConcurrency: 2 }, empty: {} }, env });
  runner = await fleet.runner();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await fleet.stop();
});

const failed = async (message = 'it failed'): Promise<string> => {
  const handle = await fleet.flame.cast(tasks.fail, message);
  await expect(handle.result()).rejects.toThrow();
  return handle.id;
};

describe('looking', () => {
  test('A-19: calls ls lists calls with their state, and the message so that it can be read, in 80 columns', async () => {
    const id = await failed('the disk is full, '.repeat(20));
    await fleet.flame.call(tasks.echo, 1);
    const { output, wide, code } = await flame('calls', 'ls');
    expect([code, wide]).toEqual([0, []]);
    expect(output).toMatch(/^CALL +FUNCTION +STATE +AGE$/m);
    // Below its row, as much as a person reads.
    expect(output).toMatch(
      new RegExp(`^${id} +fail +failed +\\d.*\n {4}Error: (the disk is full, ){3}.*\n( {4}.*\n){2} {4}.*…$`, 'm'),
    );
    expect(output).toMatch(/ echo +succeeded /);
    const { json } = await flame('calls', 'ls', '--state', 'failed', '--function', 'fail', '--pool', 'main', '--json');
    expect(json.calls.find((c: { id: string }) => c.id === id)).toMatchObject({
      functionName: 'fail',
      state: 'failed',
      attempts: 1,
    });
    expect((await flame('calls', 'ls', '--pool', 'empty')).output).toBe('No such calls.\n');
    expect((await flame('calls')).output).toContain(id);
  });

  test('calls show says where a call is, what went in, what came out, and what it printed', async () => {
    const id = await failed('no paper');
    const text = (await flame('calls', 'show', id)).output;
    expect(text).toMatch(/^fail {2}failed\nError: no paper\n/);
    expect(text).toContain('"no paper"');
    expect(text).toContain('tasks.mjs');
    const { id: printing } = await fleet.flame.cast(tasks.log, 'a line', 'and another');
    await fleet.flame.attach(printing).result();
    const { json } = await flame('calls', 'show', printing, '--json');
    expect(json).toMatchObject({
      state: 'succeeded',
      runnerId: runner.runnerId,
      arguments: { kind: 'value', value: ['a line', 'and another'] },
      outcome: { kind: 'value', value: 2 },
    });
    expect((await flame('calls', 'show', printing)).output).toMatch(/output\n {2}a line\n {2}and another\n$/);
  });

  test('calls logs prints what a call has printed, and nothing that a terminal would obey', async () => {
    const { id } = await fleet.flame.cast(tasks.log, 'plain', '\u001b[2J\u0007cleared');
    await fleet.flame.attach(id).result();
    expect((await flame('calls', 'logs', id)).output).toBe('plain\n\\x1b[2J\\x07cleared\n');
    expect((await flame('calls', 'logs', id, '--lines', '1', '--json')).json).toEqual(['\\x1b[2J\\x07cleared']);
    const hostile = await failed('\u001b[2Jcleared');
    for (const args of [['ls'], ['show', hostile]])
      expect((await flame('calls', ...args)).output).not.toContain('\u001b');
  });

  test('pools ls and status say how the pools are, in numbers and in words', async () => {
    const ls = await flame('pools', 'ls');
    expect([ls.code, ls.wide]).toEqual([0, []]);
    expect(ls.output).toMatch(/^main +0 +0 +0 +\d+ +1\/4 +idle$/m);
    const status = await flame('status');
    // Sentences may be longer than a line; what is aligned below each other may not.
    expect([status.code, status.wide.filter((line) => !/^(warning|No autoscaler)/.test(line))]).toEqual([0, []]);
    expect(status.output).toMatch(/^main {3}no calls; 1 runner ready$/m);
    expect(status.output).toContain('No autoscaler has ever run');
    expect((await flame('status', '--json')).json.pools[0]).toMatchObject({
      name: 'main',
      health: 'idle',
      runners: { ready: 1 },
    });
  });

  test('runners ls lists them with what they do', async () => {
    const { output, wide } = await flame('runners', 'ls', '--pool', 'main');
    expect(output).toMatch(new RegExp(`^${runner.runnerId} +ready +0/2 +\\d+ `, 'm'));
    expect(wide).toEqual([]);
    expect((await flame('runners', 'ls', '--json')).json).toMatchObject([
      { runnerId: runner.runnerId, pool: 'main', state: 'ready', slots: 2, host: hostname(), managed: false },
    ]);
    expect((await flame('runners', 'ls', '--pool', 'empty')).output).toContain('No runner.');
  });
});

describe('acting', () => {
  test('calls retry runs a failed call again: attach(id).result() gives the new outcome', async () => {
    const id = await failed();
    const again = await flame('calls', 'retry', id);
    expect([again.code, again.output]).toEqual([0, `${id}  runs again, with fresh attempts\n`]);
    await expect(fleet.flame.attach(id).result()).rejects.toThrow('it failed');
    expect((await fleet.flame.attach(id).status()).generation).toBe(2);
  });

  test('calls retry --failed takes all of a pool or function, and not the whole app by accident', async () => {
    await failed();
    const { json } = await flame('calls', 'retry', '--failed', '--function', 'fail', '--json');
    expect(json.retried.main).toBeGreaterThan(0);
    expect(json.retried.empty).toBe(0);
    const alone = await flame('calls', 'retry', '--failed');
    expect([alone.code, alone.output]).toEqual([1, expect.stringContaining('--pool or --function')]);
    expect((await flame('calls', 'retry')).code).toBe(1);
  });

  test('calls cancel stops a call that runs, and one that waits, and tells their callers why', async () => {
    const running = await fleet.flame.cast(tasks.waitOrAbort, 60_000);
    await waitFor(async () => (await running.status()).state === 'running', { what: 'the call to run' });
    await flame('pools', 'pause', 'main');
    const waiting = await fleet.flame.cast(tasks.echo, 1);
    const { output, code } = await flame('calls', 'cancel', running.id, waiting.id, '--reason', 'tests');
    expect([code, output]).toEqual([
      0,
      `${running.id}  runs; it has been told to stop\n${waiting.id}  is cancelled: it had not started and never will\n`,
    ]);
    await expect(waiting.result()).rejects.toThrow(/tests/);
    await expect(running.result()).rejects.toMatchObject({ code: 'FLAME_ERR_CANCELLED' });
    await flame('pools', 'resume', 'main');
    expect((await flame('calls', 'cancel', waiting.id)).code).toBe(1);
  });

  test('pools pause and resume hold calls back and let them go', async () => {
    expect((await flame('pools', 'pause', 'main', 'empty')).output).toContain('pool empty is paused');
    const handle = await fleet.flame.cast(tasks.echo, 'later');
    expect(await handle.status()).toMatchObject({ state: 'waiting', reason: 'paused' });
    const status = await flame('status');
    expect(status.output).toMatch(/^main .*1 waiting; 1 runner ready: the pool is paused$/m);
    expect((await flame('pools', 'resume', 'main', 'empty', '--json')).json).toEqual({ resumed: ['main', 'empty'] });
    expect(await handle.result()).toBe('later');
  });

  test('pools tune shows and changes, simulate tries the settings of a running pool, and takes them back', async () => {
    const shown = await flame('pools', 'tune', 'main');
    expect([shown.code, shown.output]).toEqual([0, expect.stringMatching(/^policy +queueDepth$/m)]);
    const policy = '{"name": "step", "options": [{"calls": 1, "runners": 2}]}';
    const folder = await mkdtemp(join(tmpdir(), 'flame-simulate-'));
    const example = join(folder, 'calls.ndjson');
    await writeFile(example, '{"at": 1000, "durationMs": 500}\n{"at": 2000, "durationMs": 500}\n');
    const tried = await flame('simulate', 'main', 'max=7', '--trace', example, '--svg', join(folder, 'tried.svg'));
    expect([tried.code, tried.output]).toEqual([0, expect.stringMatching(/as it is +max=7\n(.*\n)*wait p95 +\d/)]);
    expect(await readFile(join(folder, 'tried.svg'), 'utf8')).toContain('<svg');
    const { json: ran } = await flame('simulate', 'main', 'max=7', '--json');
    expect(ran.runs['max=7'].totals).toMatchObject({ most: 0, served: 0 });
    expect((await flame('simulate', 'main', '--trace', 'stedy')).output).toContain('steady, bursts, day, mixed');
    // What the pool has served is a trace too.
    await fleet.flame.call(tasks.echo, 1);
    const { output: lines } = await flame('calls', 'export', 'main', '--trace');
    await writeFile(example, lines);
    expect(lines).toMatch(/^\{"at":\d+,"durationMs":\d+\}\n/);
    const { json: served } = await flame('simulate', 'main', '--trace', example, '--json');
    expect(served.runs['as it is'].totals).toMatchObject({ served: lines.trim().split('\n').length, unserved: 0 });
    await rm(folder, { recursive: true });
    expect((await flame('simulate', 'main', '--target', 'p95')).output).toContain('--target: expected p95<10s');
    expect((await flame('pools', 'tune', 'main', '--json')).json).toMatchObject({ live: {} });
    const { json } = await flame(
      'pools',
      'tune',
      'main',
      'max=7',
      'idleShutdownAfter=5m',
      `policy=${policy}`,
      '--json',
    );
    expect(json).toMatchObject({
      live: { max: 7, idleShutdownAfterMs: 300_000 },
      effective: { policy: 'step', max: 7 },
      by: expect.stringContaining('@'),
    });
    expect((await flame('pools', 'tune', 'main', 'max=config')).output).toMatch(
      /^policy +step \(config: queueDepth\)$/m,
    );
    const held = (await flame('pools', 'tune', 'main', '--exactly', '3', '--for', '10m', '--json')).json;
    expect(held).toMatchObject({ effective: { override: { desired: 3 } } });
    const wrong = await flame('pools', 'tune', 'main', 'min=many', 'colour=red');
    expect([wrong.code, wrong.output]).toEqual([
      1,
      expect.stringMatching(/colour: unknown setting.*min: a whole number/s),
    ]);
    expect((await flame('pools', 'tune', 'main', 'min')).output).toContain('expected setting=value, got "min"');
    const reset = (await flame('pools', 'tune', 'main', '--reset', '--json')).json;
    expect(reset).toMatchObject({ live: {}, effective: { policy: 'queueDepth', override: null } });
  });

  test('status ends with 1 when calls wait that nothing will start', async () => {
    const lonely = fleet.flame.fn('lonely', { pool: 'empty' }, () => 1);
    const handle = await fleet.flame.cast(lonely);
    const { code, output } = await flame('status');
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^empty +1 waiting; no runners: no autoscaler has ever seen this pool$/m),
    ]);
    await handle.cancel();
  });

  test('runners drain lets a runner finish its call and end', async () => {
    const other = await fleet.runner();
    const missing = await flame('runners', 'drain', other.runnerId, 'main-nobody');
    expect([missing.code, missing.output]).toEqual([1, expect.stringContaining('there is no runner main-nobody')]);
    expect((await other.record())?.drain).toBe(0);
    const { output, code } = await flame('runners', 'drain', other.runnerId);
    expect([code, output]).toEqual([0, expect.stringContaining('takes no more calls')]);
    expect((await other.process.exited).code).toBe(0);
    expect((await other.record())?.reason).toBe('an operator drains it');
  });
});

describe('flame call', () => {
  // What the Redis of tests is warned of is not the subject.
  const flame = (...args: string[]): Promise<Ran> => run(args, { env: { ...fleet.env, LOG_LEVEL: 'error' } });

  test('arguments are JSON, words, files and code; the result is printed, or written as it is', async () => {
    const word = await flame('call', 'echo', 'hello');
    expect([word.code, word.output]).toEqual([0, 'hello\n']);
    expect((await flame('call', 'echo', '{"a": [1, null]}', '--json')).json).toEqual({ a: [1, null] });
    expect((await flame('call', 'echo', '--eval', 'new Map([[1n, new Date(0)]])')).output).toBe(
      'Map(1) { 1n => 1970-01-01T00:00:00.000Z }\n',
    );
    const [from, to] = [join(folder, 'in.bin'), join(folder, 'out.bin')];
    writeFileSync(from, Buffer.from([0, 1, 255]));
    expect((await flame('call', 'echo', `@${from}`, '--out', to)).output).toBe(`wrote ${to}\n`);
    expect([...readFileSync(to)]).toEqual([0, 1, 255]);
    const cast = await flame('call', 'echo', '1', '--cast');
    expect(await fleet.flame.attach(cast.output.trim()).result()).toBe(1);
  });

  test('what cannot be called is said in a sentence, with exit code 1', async () => {
    const cases = [
      [['call', 'eccho', '1'], /no function "eccho".*Did you mean "echo"\?/],
      [['call', 'echo', '{"a": '], /argument 1 is no JSON/],
      [['call', 'echo', '@nowhere.bin'], /nowhere\.bin cannot be read \(ENOENT\)/],
      [['call', 'echo', '--eval', 'nope'], /--eval: ReferenceError: nope/],
      [['call', 'fail'], /it failed/],
    ] as const;
    await Promise.all(
      cases.map(async ([args, message]) => {
        const { code, output } = await flame(...args);
        expect([code, output]).toEqual([1, expect.stringMatching(message)]);
      }),
    );
  });
});

describe('when something is wrong', () => {
  test('an id that is none, a pool that is not there and an unknown call end with 1 and say so', async () => {
    const cases = [
      [['calls', 'show', 'nonsense'], 'is not a call id'],
      [['calls', 'show', `main.${'a'.repeat(26)}`], 'not known'],
      [['calls', 'retry', `main.${'a'.repeat(26)}`], 'not known'],
      [['calls', 'ls', '--pool', 'nobody'], 'there is no pool "nobody"'],
      [['calls', 'ls', '--state', 'lost'], 'Allowed choices'],
      [['calls', 'ls', '--limit', '0'], 'whole number'],
      [['pools', 'pause', 'main', 'nobody'], 'there is no pool "nobody"'],
      [['nonsense'], 'unknown command'],
    ] as const;
    await Promise.all(
      cases.map(async ([args, message]) => {
        const { code, output } = await flame(...args);
        expect([args, code]).toEqual([args, 1]);
        expect(output).toContain(message);
        expect(output).not.toContain('    at ');
      }),
    );
    expect((await fleet.flame.attach((await fleet.flame.cast(tasks.echo, 1)).id).status()).reason).not.toBe('paused');
  });

  test('without Redis every command says so within the connect timeout', async () => {
    const { code, output } = await run(['status'], { env: { ...fleet.env, FLAME_REDIS_URL: 'redis://127.0.0.1:1' } });
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/Redis could not be reached .*ECONNREFUSED.*\n.*what to do/s),
    ]);
  });

  test('A-20: flame --version prints the version, and a mistyped pool or setting is named beside what was meant', async () => {
    expect(await flame('--version')).toMatchObject({ code: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    for (const args of [
      ['calls', 'ls', '--pool', 'mian'],
      ['simulate', 'mian'],
    ]) {
      const { code, output } = await flame(...args);
      expect([code, output]).toEqual([1, expect.stringMatching(/no pool "mian" .* Did you mean "main"\?/)]);
    }
    expect((await flame('pools', 'tune', 'main', 'mx=3')).output).toMatch(/mx: unknown setting.*Did you mean "max"\?/);
    expect((await flame('runner', '--pool', 'mian')).output).toMatch(/^error .*Did you mean "main"\?\n/);
    const show = await flame('pools', 'show', 'main');
    expect([show.code, show.output]).toEqual([
      1,
      expect.stringMatching(/unknown command 'show' of pools: there are ls, /),
    ]);
    expect(() => fleet.flame.pool('mian')).toThrow(/Did you mean "main"\?/);
  });

  test('doctor finds what is wrong with the config, with Redis and with the modules', async () => {
    const good = await flame('doctor');
    expect([good.code, good.output]).toEqual([0, expect.stringMatching(/ok {4}functions: 1 module loads/)]);
    const bad = await run(['doctor', '--json'], { env: { ...fleet.env, FLAME_REDIS_URL: 'redis://127.0.0.1:1' } });
    expect(bad.code).toBe(1);
    expect(bad.json.find((f: { check: string }) => f.check === 'redis')).toMatchObject({
      level: 'fail',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    const config = await run(['doctor'], { env: { ...fleet.env, FLAME_TEST_POOLS: '{"main":{"max":-1,"min":"x"}}' } });
    expect(config.code).toBe(1);
    expect(config.output).toMatch(/pools\.main\.max: /);
    expect(config.output).toMatch(/pools\.main\.min: /);
    await fleet.client.call('ACL', 'SETUSER', 'no-pushes', 'on', '>x', '~*', 'resetchannels', '+@all');
    const url = new URL(String(fleet.env.FLAME_REDIS_URL));
    Object.assign(url, { username: 'no-pushes', password: 'x' });
    const pushes = await run(['doctor', '--json'], { env: { ...fleet.env, FLAME_REDIS_URL: url.href } });
    expect(pushes.code).toBe(0);
    expect(pushes.json.find((f: { check: string }) => f.check === 'pushes')).toMatchObject({ level: 'warn' });
  });
});
