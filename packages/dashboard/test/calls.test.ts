import { randomBytes } from 'node:crypto';
import { defineFunction, FlameCancelledError } from '@flamejs/queue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BoardFixture, startBoard } from './support.ts';

let board: BoardFixture;
beforeAll(async () => {
  board = await startBoard({ pools: { main: {}, other: {} } });
});
afterAll(() => board[Symbol.asyncDispose]());

const fn = (name: string, pool = 'main') => defineFunction(name, { pool }, (..._args: unknown[]): unknown => undefined);
const one = fn('one');
const two = fn('two', 'other');

test('a call is shown from its acceptance to its result, with arguments and result in words', async () => {
  const when = new Date('2024-05-06T07:08:09.010Z');
  const { id } = await board.flame.cast(one, {
    when,
    list: [1, 2n, undefined],
    bytes: Buffer.alloc(3),
    map: new Map([['k', 'v']]),
  });
  const waiting = (await board.ask(`/api/calls/${id}`)).json.call;
  expect(waiting).toMatchObject({
    state: 'waiting',
    functionName: 'one',
    pool: 'main',
    reason: 'no-autoscaler',
    canCancel: true,
    canRetry: false,
    release: 'test',
  });
  expect((await board.ask(`/api/calls/${id}/outcome`)).json).toEqual({ kind: 'none' });
  expect((await board.ask(`/api/calls/${id}/arguments`)).json).toMatchObject({
    kind: 'value',
    cut: false,
    value: [
      {
        when: when.toISOString(),
        list: [1, '2n', '(undefined)'],
        bytes: '(Buffer, 3 bytes)',
        map: { 'Map(1)': [['k', 'v']] },
      },
    ],
  });

  await board.settle({ value: { total: 42 } });
  expect((await board.ask(`/api/calls/${id}`)).json.call).toMatchObject({
    state: 'succeeded',
    attempts: 1,
    runnerId: 'test-runner',
    canCancel: false,
  });
  expect((await board.ask(`/api/calls/${id}/outcome`)).json).toMatchObject({ kind: 'value', value: { total: 42 } });
});

test('an error is shown with its cause and code, its stack to operators', async () => {
  const { id } = await board.flame.cast(one);
  await board.settle({
    error: Object.assign(new RangeError('too far', { cause: new TypeError('seven') }), { code: 'E_FAR' }),
  });
  const { call } = (await board.ask(`/api/calls/${id}`)).json;
  expect(call).toMatchObject({ state: 'failed', text: 'RangeError: too far', errorKind: 'RangeError', canRetry: true });
  const { error } = (await board.ask(`/api/calls/${id}/outcome`)).json;
  expect(error).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR', causes: ['TypeError: seven'] });
  expect(error.stack).toContain('calls.test.ts');
});

test('a retry reaches everybody who waits for the call, as a new generation', async () => {
  const handle = await board.flame.cast(one, 'again');
  await board.settle({ error: new Error('first') });
  await expect(handle.result()).rejects.toThrow('first');
  expect((await board.change(`/api/calls/${handle.id}/retry`)).json).toEqual({ result: 'retried' });
  expect((await board.change(`/api/calls/${handle.id}/retry`)).json).toEqual({ result: 'not-failed' });
  const second = board.flame.attach(handle.id).result();
  expect((await board.ask(`/api/calls/${handle.id}`)).json.call).toMatchObject({
    state: 'waiting',
    generation: 2,
    attempts: 0,
  });
  expect((await board.ask(`/api/calls/${handle.id}/arguments`)).json.value).toEqual(['again']);
  await board.settle({ value: 'second' });
  expect(await second).toBe('second');
});

test('all failed calls of a pool, or of one function, are retried at once', async () => {
  const other = fn('three', 'other');
  for (const each of [two, two, other]) {
    await board.flame.cast(each);
    await board.settle({ error: new Error('x') }, 'other');
  }
  expect((await board.change('/api/pools/other/retry-failed', { functionName: 'two' })).json).toEqual({ retried: 2 });
  expect((await board.change('/api/pools/other/retry-failed')).json).toEqual({ retried: 1 });
  expect((await board.ask('/api/calls?pool=other&state=waiting')).json.total).toBe(3);
  for (let i = 0; i < 3; i += 1) await board.settle({ value: 1 }, 'other');
});

test('a waiting call is cancelled for its caller too', async () => {
  const handle = await board.flame.cast(one);
  expect((await board.change(`/api/calls/${handle.id}/cancel`, { reason: 'not needed' })).json).toEqual({
    result: 'cancelled',
  });
  const error: unknown = await handle.result().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FlameCancelledError);
  expect(String(error)).toContain('not needed');
  expect((await board.change(`/api/calls/${handle.id}/cancel`)).json).toEqual({ result: 'finished' });
});

test('what looks like a secret by its name is not shown', async () => {
  const secret = randomBytes(12).toString('hex');
  const { id } = await board.flame.cast(one, {
    user: 'ada',
    password: secret,
    nested: { apiKey: secret, Authorization: secret },
  });
  const { text } = await board.ask(`/api/calls/${id}/arguments`);
  expect(text).toContain('ada');
  expect(text).not.toContain(secret);
  expect((await board.ask('/queues/api/queues/main/'.concat(id))).text).not.toContain(secret);
  await board.settle({ value: null });
});

test('large arguments and results are named, and loaded only when asked for', async () => {
  const { id } = await board.flame.cast(one, 'x'.repeat(400_000));
  expect((await board.ask(`/api/calls/${id}/arguments`)).json).toMatchObject({ kind: 'too-large', limit: 262_144 });
  const loaded = await board.ask(`/api/calls/${id}/arguments?limit=4194304`);
  // Loaded whole, shown in part: no browser is sent a text that it cannot draw.
  expect(loaded.json).toMatchObject({ kind: 'value', cut: true });
  expect(loaded.text.length).toBeLessThan(25_000);
  await board.settle({ value: Buffer.alloc(500_000) });
  expect((await board.ask(`/api/calls/${id}/outcome`)).json).toMatchObject({ kind: 'too-large' });
  expect((await board.ask(`/api/calls/${id}/outcome?limit=99999999`)).status).toBe(400);
});

test('a list is filtered by pool, state and function, and paged', async () => {
  const listed = fn('listed');
  const ids: string[] = [];
  for (let i = 0; i < 5; i += 1) ids.push((await board.flame.cast(listed, i)).id);
  const page = async (query: string): Promise<readonly string[]> =>
    (await board.ask(`/api/calls?${query}`)).json.calls.map((c: { id: string }) => c.id);
  expect(await page('state=waiting&pool=main&limit=2')).toEqual([ids[4], ids[3]]);
  const { next } = (await board.ask('/api/calls?state=waiting&pool=main&limit=2')).json;
  expect(await page(`state=waiting&pool=main&limit=2&cursor=${next}`)).toEqual([ids[2], ids[1]]);
  expect(new Set(await page('function=listed'))).toEqual(new Set(ids));
  expect(await page('function=listed&state=failed')).toEqual([]);
  for (const bad of [
    'limit=0',
    'limit=x',
    'cursor=x!',
    'cursor=1.2.3',
    'state=lost',
    'pool=nobody',
    'pool=__proto__',
  ]) {
    expect([bad, (await board.ask(`/api/calls?${bad}`)).status]).toEqual([bad, 400]);
  }
  for (let i = 0; i < 5; i += 1) await board.settle({ value: 1 });
});

test('a call that is not known, and an id that is none, are told apart', async () => {
  expect((await board.ask(`/api/calls/main.${'a'.repeat(26)}`)).status).toBe(404);
  expect((await board.ask('/api/calls/main.__proto__')).status).toBe(400);
  expect((await board.ask(`/api/calls/nobody.${'a'.repeat(26)}`)).status).toBe(400);
});

test('a paused pool says so, starts nothing, and goes on when resumed', async () => {
  expect((await board.change('/api/pools/main/pause')).json).toEqual({ result: 'paused' });
  const { id } = await board.flame.cast(one);
  const { pools } = (await board.ask('/api/pools')).json;
  expect(pools[0]).toMatchObject({
    name: 'main',
    paused: true,
    waiting: 1,
    health: 'attention',
    summary: expect.stringContaining('paused'),
  });
  expect((await board.ask(`/api/calls/${id}`)).json.call.reason).toBe('paused');
  await expect(board.settle({ value: 1 })).rejects.toThrow('no call waits');
  await board.change('/api/pools/main/resume');
  expect(await board.settle({ value: 1 })).toBe(id);
});

test('a runner is told to drain by an order that it can acknowledge', async () => {
  const { runner, runners, control } = board.keys();
  const client = board.redis.client();
  const told = new Promise<string>((resolve) => {
    const subscriber = board.redis.client();
    subscriber.on('message', (_channel, text) => resolve(text));
    void subscriber.subscribe(control).then(() => board.change('/api/pools/main/runners/r1/drain'));
  });
  await client.hset(runner('r1'), { state: 'ready', heartbeatAt: Date.now(), slots: 2, active: 1 });
  await client.zadd(runners, Date.now(), 'r1');
  expect(JSON.parse(await told)).toMatchObject({ type: 'drain', runnerId: 'r1' });
  expect(await client.hgetall(runner('r1'))).toMatchObject({ drain: '1', drainReason: 'an operator drains it' });
  expect((await board.change('/api/pools/main/runners/r1/drain')).json).toEqual({ result: 'draining' });
  expect((await board.change('/api/pools/main/runners/nobody/drain')).json).toEqual({ result: 'unknown' });
  // Nobody manages it: the autoscaler could neither end nor keep it.
  expect((await board.change('/api/pools/main/runners/r1/terminate')).json).toEqual({ result: 'unmanaged' });
  const refused = await board.change('/api/pools/main/runners/r1/protect', { forMs: 'long' });
  expect([refused.status, JSON.stringify(refused.json)]).toEqual([400, expect.stringContaining('forMs')]);
  expect(await client.exists(runner('nobody'))).toBe(0);
  await client.zrem(runners, 'r1');
});

test('events and samples are read newest first, and none of them when none is asked for', async () => {
  const client = board.redis.client();
  const { events, history } = board.keys();
  // What other tests have ordered is written down there too.
  await client.del(events);
  for (const [i, reason] of ['first', 'second'].entries()) {
    await client.xadd(
      events,
      '*',
      'type',
      'pool.scaled',
      'runnerId',
      '',
      'reason',
      reason,
      'at',
      i + 1,
      'details',
      '{}',
    );
    await client.xadd(history, '*', 'at', i + 1, 'waiting', i, 'active', 3, 'ready', 1, 'wanted', -1);
  }
  const { json } = await board.ask('/api/pools/main');
  expect(json.events.map((e: { reason: string }) => e.reason)).toEqual(['second', 'first']);
  expect(json.history).toMatchObject([
    { at: 1, waiting: 0, active: 3, ready: 1, wanted: 0 },
    { at: 2, waiting: 1 },
  ]);
  const none = await board.ask('/api/pools/main?events=0&history=0');
  expect([none.status, none.json.events, none.json.history]).toEqual([200, [], []]);
  expect((await board.ask('/api/pools?events=0')).json.events).toEqual([]);
});

test('what a runner and the autoscaler both tell is listed once, as it was told first', async () => {
  const client = board.redis.client();
  const { events } = board.keys();
  await client.del(events);
  const told = [
    ['runner.ready', 'r1', 1_000, 'its executors are ready', 'runner'],
    ['runner.ready', 'r1', 1_900, 'ready after 0.9 s', undefined],
    ['runner.ready', 'r2', 2_000, 'ready after 1 s', undefined],
    ['runner.idle', 'r1', 3_000, 'its calls have ended', 'runner'],
    ['runner.busy', 'r1', 4_000, 'it has a call', 'runner'],
    ['runner.idle', 'r1', 5_000, 'its calls have ended', 'runner'],
    ['runner.draining', 'r1', 6_000, 'idle for 30 s', undefined],
    ['runner.draining', 'r1', 6_100, 'idle for 30 s', 'runner'],
    ['runner.draining', 'r1', 600_000, 'drained anew, much later', 'runner'],
  ] as const;
  for (const [type, runnerId, at, reason, teller] of told) {
    const fields = { type, runnerId, reason, at, details: JSON.stringify({ teller }) };
    await client.xadd(events, '*', ...Object.entries(fields).flat());
  }
  const { json } = await board.ask('/api/pools/main?events=50');
  const listed = json.events.map((e: { runnerId: string; at: number }) => `${e.runnerId} ${e.at}`).reverse();
  expect(listed).toEqual(['r1 1000', 'r2 2000', 'r1 3000', 'r1 4000', 'r1 5000', 'r1 6000', 'r1 600000']);
  const few = await board.ask('/api/pools/main?events=2');
  expect(few.json.events.map((e: { at: number }) => e.at)).toEqual([600_000, 6_000]);
});

test('Prometheus reads pools and states in its own format', async () => {
  const { text, headers } = await board.ask('/metrics');
  expect(headers['content-type']).toContain('version=0.0.4');
  expect(text).toMatch(/^flame_calls\{pool="main",state="succeeded"\} [1-9]\d*$/m);
  expect(text).toMatch(/^flame_runners\{pool="other",state="ready"\} 0$/m);
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(# (HELP|TYPE) flame_\w+ .+|flame_\w+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?)$/,
    );
  }
});
