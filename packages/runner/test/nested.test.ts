/** What functions may call, whom they may ask for, and what ends with them. Real runners, a real Redis. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  FlameAccessError,
  FlameCallLoopError,
  FlameCancelledError,
  FlameDeadlineError,
  FlameTimeoutError,
} from '@flamejs/queue';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { linesOf, type RunnerProcessOptions, type Stage, startStage, type Tasks } from './support.ts';

let stage: Stage;
let nesting: Tasks;
beforeAll(async () => {
  stage = await startStage();
  nesting = (await import('./fixtures/app/nesting.mjs' as string)) as Tasks;
});
afterAll(() => stage.stop());

const start = (options: RunnerProcessOptions = {}) =>
  stage.startRunner({
    ...options,
    pool: { maxConcurrency: 4, killGrace: '100ms', ...options.pool },
    env: { FLAME_TEST_FUNCTIONS: '["./nesting.mjs"]', ...options.env },
  });

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );

let files = 0;
const newFile = (): string => {
  files += 1;
  return join(stage.folder, `nested-${files}`);
};
const lines = (file: string): readonly string[] => (existsSync(file) ? linesOf(readFileSync(file, 'utf8')) : []);
const startedOf = (file: string) =>
  waitFor(
    () =>
      lines(file)
        .find((line) => line.startsWith('start '))
        ?.slice(6),
    { what: 'the child to run' },
  );
/** Waits until a call of `stay` has been cancelled and, if it ran, has ended. @returns its error */
const cancelledChild = async (file: string): Promise<unknown> => {
  const { queue } = stage.keys;
  const id = await waitFor(
    async () => {
      const failed = await stage.client.zrange(`${queue}failed`, '0', '-1');
      const names = await Promise.all(failed.map((each) => stage.client.hget(`${queue}${each}`, 'name')));
      const found = failed.find((_, at) => names[at] === 'stay' && !seen.has(failed[at] ?? ''));
      const starts = lines(file).filter((line) => line.startsWith('start '));
      return found !== undefined && lines(file).length === 2 * starts.length ? found : undefined;
    },
    { what: 'the child to be cancelled' },
  );
  seen.add(id);
  return failureOf(stage.flame.attach(id).result());
};
const seen = new Set<string>();
const isRunning = async (id: string): Promise<boolean> => (await stage.flame.attach(id).status()).state === 'running';
const quiet = () =>
  waitFor(
    async () => {
      const { queue } = stage.keys;
      const [active, wait] = await Promise.all([
        stage.client.llen(`${queue}active`),
        stage.client.llen(`${queue}wait`),
      ]);
      return active + wait === 0;
    },
    { what: 'nothing to run or wait' },
  );

describe('with a runner of its own', () => {
  afterEach(() => stage.reset());

  test('C-12: calls that await each other in a row are bounded, and the error names the functions', async () => {
    await start({ settings: { maxCallDepth: 3 } });
    expect(await stage.call(nesting.deep, 3)).toBe(3);
    const error = await failureOf(stage.call(nesting.deep, 4));
    expect(error).toBeInstanceOf(FlameCallLoopError);
    expect(error).toMatchObject({ code: 'FLAME_ERR_CALL_LOOP', reason: 'depth', line: ['deep'] });
    await quiet();
  });

  test('C-12: a function that casts itself comes to an end, and the pool is told', async () => {
    await start({ settings: { maxLoopRate: 1 } });
    const file = newFile();
    await stage.cast(nesting.again, file);
    await waitFor(async () => (await stage.events()).some(({ type }) => type === 'call.loop'), {
      what: 'the loop to be reported',
    });
    await quiet();
    const told = (await stage.events()).find(({ type }) => type === 'call.loop');
    expect(told?.reason).toContain('"again"');
  });

  test('C-12: two functions that cast each other are one line', async () => {
    await start({ settings: { maxLoopRate: 1 } });
    await stage.cast(nesting.ping, newFile());
    await waitFor(async () => (await stage.client.zcard(`${stage.keys.queue}failed`)) > 0, {
      what: 'it to be refused',
    });
    await quiet();
    const failed = await stage.client.zrange(`${stage.keys.queue}failed`, '0', '-1');
    const error = await failureOf(stage.flame.attach(failed[0] ?? '').result());
    expect(error).toMatchObject({ reason: 'rate', line: expect.arrayContaining(['ping', 'pong']) });
  });

  test('C-12: what casts itself more often than the limit is refused at that cast; what the application casts is not counted', async () => {
    await start({ settings: { maxLoopRate: 3 } });
    const refused = { code: 'FLAME_ERR_CALL_LOOP', reason: 'rate' };
    expect(await stage.call(nesting.burst, 200)).toMatchObject(refused);
    const handles = await Promise.all(Array.from({ length: 20 }, () => stage.cast(nesting.burst, 1)));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    expect(results).toEqual(results.map(() => ({ at: 0 })));
  });

  test('T-07: handing an id on gives no right that the giver had not; the declared right reaches all', async () => {
    const runner = await start();
    const other = await stage.cast(nesting.value, 'not yours');
    const [pool, rest] = other.id.split('.');
    expect(await failureOf(stage.call(nesting.launder, pool, rest))).toBeInstanceOf(FlameAccessError);
    await runner.stop();
    await start({ pool: { callAccess: 'all' } });
    expect(await stage.call(nesting.askForPart, pool, rest)).toBe('not yours');
  });

  test('C-77: a pool that waits for itself says so, and what a call awaits ends with it', async () => {
    await start({ pool: { maxConcurrency: 2 } });
    const top = await stage.cast(nesting.deep, 6);
    const text = await waitFor(
      async () => {
        const [waiting] = await stage.client.lrange(`${stage.keys.queue}wait`, 0, -1);
        const status = waiting === undefined ? undefined : await stage.flame.attach(waiting).status();
        return status?.reason === 'self-wait' ? status.text : undefined;
      },
      { what: 'the pool to be named' },
    );
    expect(text).toContain('pool "main" waits for itself');
    await stage.flame.attach(top.id).cancel();
    expect(await failureOf(top.result())).toBeInstanceOf(FlameCancelledError);
    await quiet();
    expect(await stage.call(nesting.value, 'free again')).toBe('free again');
  });

  test('C-77: at the deadline of the call on top all that it awaits ends, and the slots are free', async () => {
    await start({ pool: { maxConcurrency: 2 } });
    const top = stage.call(nesting.deep?.with({ deadline: '3s' }), 6);
    await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}wait`)) === 1, { what: 'it to be stuck' });
    expect(await failureOf(top)).toBeInstanceOf(FlameDeadlineError);
    await quiet();
    expect(await stage.call(nesting.value, 'free again')).toBe('free again');
  });

  test('C-77: a pool whose calls wait for other ones than its own is only busy', async () => {
    await start({ pool: { maxConcurrency: 1 } });
    const file = newFile();
    const stays = await stage.cast(nesting.stay, file);
    await startedOf(file);
    const next = await stage.cast(nesting.value, 1);
    expect((await stage.flame.attach(next.id).status()).reason).not.toBe('self-wait');
    await stage.flame.attach(stays.id).cancel();
    expect(await next.result()).toBe(1);
  });

  test('C-78: when the runner of the parent is lost, its child ends with the next attempt', async () => {
    const first = await start({ id: 'first', pool: { maxConcurrency: 1 } });
    const file = newFile();
    const parent = await stage.cast(nesting.parent, file);
    await waitFor(async () => (await stage.client.llen(`${stage.keys.queue}wait`)) === 1, {
      what: 'the child to wait',
    });
    await start({ id: 'second', pool: { maxConcurrency: 1 } });
    const child = await startedOf(file);
    await first.kill9();
    await stage.housekeeping.releaseRunner('first');
    await start({ id: 'third', pool: { maxConcurrency: 1 } });
    await waitFor(async () => (await stage.client.hget(`${stage.keys.queue}${parent.id}`, 'f:run')) === 'third', {
      what: 'the parent to run again',
    });
    await waitFor(
      async () => {
        await stage.housekeeping.expire();
        return lines(file).includes(`end ${child}`);
      },
      { what: 'the child of the lost attempt to end' },
    );
  });
});

describe('on one runner', () => {
  beforeAll(async () => {
    await start();
  });
  afterAll(() => stage.reset());

  test('T-06: a function cannot choose the key under which its call stands', async () => {
    const options = { timeoutMs: 5_000 };
    const request = { op: 'cast', pool: 'main', fn: 'value', args: ['x'], options };
    const made = await stage.call(nesting.raw, { ...request, ref: 'wait', id: 'wait' });
    expect(made).toEqual({ kind: 'value', value: expect.stringMatching(/^main\.[a-z2-7]{26}$/) });
    // BullMQ's own key is what it was, and calls go on.
    expect(await stage.client.type(`${stage.keys.queue}wait`)).not.toBe('hash');
    expect(await stage.call(nesting.value, 'fine')).toBe('fine');
  });

  test.each([
    ['an id that is none', { op: 'status', id: 'main.wait' }],
    ['a pool that is none', { op: 'cast', pool: '__proto__', ref: 'r', fn: 'value', options: {} }],
    ['options out of bounds', { op: 'cast', pool: 'main', ref: 'r', fn: 'value', options: { priority: -1 } }],
    ['a number for a name', { op: 'cast', pool: 'main', ref: 'r', fn: 7, options: {} }],
    ['nothing at all', {}],
  ])('T-06: a request with %s is refused with a code, and the runner goes on', async (_, request) => {
    expect(await stage.call(nesting.raw, request)).toEqual({
      code: expect.stringMatching(/^FLAME_ERR_/),
      message: expect.any(String),
    });
    expect(await stage.call(nesting.value, 'fine')).toBe('fine');
  });

  test('T-07: a function that knows an id gets nothing of a call that it neither made nor was given', async () => {
    const other = await stage.cast(nesting.value, 'not yours');
    expect(await other.result()).toBe('not yours');
    const [pool, rest] = other.id.split('.');
    for (const what of ['result', 'status', 'cancel', 'retry'])
      expect(await failureOf(stage.call(nesting.askForPart, pool, rest, what))).toBeInstanceOf(FlameAccessError);
  });

  test('T-07: an id that was given to it may be asked for, one that it made as well, and either may be handed on', async () => {
    const other = await stage.cast(nesting.value, 'given');
    expect(await stage.call(nesting.ask, other.id)).toBe('given');
    expect(await stage.call(nesting.handOn, other.id)).toBe('given');
    expect(await stage.call(nesting.makeAndAsk)).toEqual({ own: 'own', attached: 'own', given: 'own' });
    expect(await stage.call(nesting.askBelow)).toBe('from below');
  });

  test.each([
    [
      'is cancelled',
      {},
      async (id: string, file: string) => {
        await startedOf(file);
        await stage.flame.attach(id).cancel();
      },
      FlameCancelledError,
    ],
    ['times out', { timeout: '1s' }, async () => undefined, FlameTimeoutError],
    ['reaches its deadline', { deadline: '2s' }, async () => undefined, FlameDeadlineError],
  ] as const)('C-78: an awaited child ends when its parent %s', async (_, options, end, errorClass) => {
    const file = newFile();
    const parent = await stage.cast(nesting.parent?.with(options), file);
    await end(parent.id, file);
    expect(await failureOf(parent.result())).toBeInstanceOf(errorClass);
    expect(await cancelledChild(file)).toBeInstanceOf(FlameCancelledError);
  });

  test('C-78: a child that nobody awaits any more ends when its parent returns', async () => {
    const file = newFile();
    await stage.call(nesting.leaveBehind, file, 'call');
    expect(await cancelledChild(file)).toBeInstanceOf(FlameCancelledError);
  });

  test('C-78: a cast from a function goes on by itself, unless it is linked', async () => {
    const [free, linked] = [newFile(), newFile()];
    await stage.call(nesting.leaveBehind, free, 'cast');
    await stage.call(nesting.leaveBehind, linked, 'cast', { link: true });
    const id = await startedOf(free);
    expect(await cancelledChild(linked)).toBeInstanceOf(FlameCancelledError);
    expect(await isRunning(id)).toBe(true);
    await stage.flame.attach(id).cancel();
  });

  test('C-78: `link: false`, and an id of its own, let an awaited child outlive its parent', async () => {
    const children: string[] = [];
    for (const given of [{ link: false }, { id: 'shared' }]) {
      const file = newFile();
      const parent = await stage.cast(nesting.parent, file, 'call', given);
      children.push(await startedOf(file));
      await stage.flame.attach(parent.id).cancel();
      await failureOf(parent.result());
    }
    for (const id of children) {
      expect(await isRunning(id)).toBe(true);
      await stage.flame.attach(id).cancel();
    }
  });
});
