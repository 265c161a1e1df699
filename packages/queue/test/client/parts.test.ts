/** Parts of a caller on their own, with a clock that is turned by hand: what they send, when, and what they keep. */
import type { RedisClient } from '@flamejs/protocol/connect';
import { appKeys } from '@flamejs/protocol/keys';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { listen, listening, unlisten } from '../../src/client/abort-listeners.ts';
import { createHeldCalls, type HeldCall } from '../../src/client/held-calls.ts';
import { createKick } from '../../src/client/kick.ts';
import type { Link } from '../../src/client/link.ts';
import { createPresence } from '../../src/client/presence.ts';
import { createEnding } from '../../src/ending.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A connection that writes down what is sent; commands that are not expected are an error. */
const recordingLink = (answers: Readonly<Record<string, () => Promise<unknown>>>) => {
  const sent: unknown[][] = [];
  const client = new Proxy(
    {},
    {
      get: (_, name: string) => {
        if (name === 'then') return undefined;
        const answer = answers[name];
        if (answer === undefined) throw new Error(`nobody expected ${name}`);
        return (...args: unknown[]) => {
          sent.push([name, ...args]);
          return answer();
        };
      },
    },
  ) as RedisClient;
  const link = { client: async () => client, bounded: (work: Promise<unknown>) => work } as unknown as Link;
  return { link, sent };
};
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('a kick', () => {
  test('is sent at once, then at most every quarter of a second, and once more for what came between', async () => {
    const app = appKeys('flame', 'shop');
    const { link, sent } = recordingLink({ publish: async () => 1, sadd: async () => 1 });
    const kick = createKick(link, app, 'images');
    const kicks = () => sent.filter(([name]) => name === 'publish');
    kick.send();
    await settled();
    expect(kicks()).toEqual([['publish', app.kick, 'images']]);
    for (let i = 0; i < 5; i += 1) {
      await vi.advanceTimersByTimeAsync(40);
      kick.send();
    }
    expect(kicks()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(50);
    expect(kicks()).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(kicks()).toHaveLength(2);
    kick.send();
    await settled();
    expect(kicks()).toHaveLength(3);
  });
  test('notes that the pool is called, again after five seconds, for a pool that was forgotten meanwhile', async () => {
    const app = appKeys('flame', 'shop');
    const { link, sent } = recordingLink({ publish: async () => 1, sadd: async () => 1 });
    const kick = createKick(link, app, 'images');
    const notes = () => sent.filter(([name]) => name === 'sadd');
    for (const [ms, count] of [
      [0, 1],
      [4_999, 1],
      [1, 2],
      [10, 2],
    ] as const) {
      await vi.advanceTimersByTimeAsync(ms);
      kick.send();
      await settled();
      expect(notes()).toHaveLength(count);
    }
    expect(notes()[0]).toEqual(['sadd', app.called, 'images']);
    await kick.announce();
    expect(notes()).toHaveLength(3);
  });
  test('nobody hears that it could not be sent', async () => {
    const { link } = recordingLink({});
    createKick({ ...link, client: () => Promise.reject(new Error('away')) } as Link, appKeys('f', 's'), 'p').send();
    await expect(createKick(link, appKeys('f', 's'), 'p').announce()).resolves.toBeUndefined();
    await settled();
  });
});

describe('presence', () => {
  const logger = { debug: vi.fn() } as never;
  test('is said in each pool before its first call, and again every five seconds, until it ends', async () => {
    const { link, sent } = recordingLink({ set: async () => 'OK', del: async () => 1 });
    const presence = createPresence(link, (pool) => `here:${pool}`, logger);
    await presence.announce('a');
    await presence.announce('a');
    await presence.announce('b');
    expect(sent.map(([name, key]) => `${name} ${key}`)).toEqual(['set here:a', 'set here:b']);
    expect(sent[0]).toEqual(['set', 'here:a', '1', 'PX', expect.any(Number)]);
    // It has to be said well before it runs out.
    expect(Number(sent[0]?.[4])).toBeGreaterThan(2 * 5_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sent.slice(2).map(([, key]) => key)).toEqual(['here:a', 'here:b']);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sent).toHaveLength(6);
    await presence.end();
    expect(sent.slice(6)).toEqual([
      ['del', 'here:a'],
      ['del', 'here:b'],
    ]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sent).toHaveLength(8);
  });
  test('one that could not be said is said anew, and none is taken back where none was given', async () => {
    let fails = true;
    const { link, sent } = recordingLink({
      set: async () => {
        if (fails) throw new Error('away');
      },
    });
    const presence = createPresence(link, (pool) => pool, logger);
    await presence.end();
    expect(sent).toEqual([]);
    await expect(presence.announce('a')).rejects.toThrow('away');
    fails = false;
    await presence.announce('a');
    expect(sent).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(1);
  });
});

describe('calls that can be made again', () => {
  const call = (bytes: number, large?: number): HeldCall['call'] =>
    ({
      data: 'x'.repeat(bytes),
      ...(large === undefined ? {} : { largeArgs: Buffer.alloc(large) }),
    }) as unknown as HeldCall['call'];
  const KB = 1024;
  test('awaited ones are held as long as they are awaited', () => {
    const held = createHeldCalls();
    vi.advanceTimersByTime(10);
    held.hold('a', call(1));
    held.hold('b', call(1));
    expect(held.get('a')).toMatchObject({ call: call(1), acceptedAt: performance.now() });
    held.prune((id) => id === 'b');
    expect([held.get('a'), held.get('b') !== undefined]).toEqual([undefined, true]);
    vi.advanceTimersByTime(600_000);
    held.prune(() => true);
    expect(held.get('b')).toBeDefined();
    held.clear();
    expect(held.get('b')).toBeUndefined();
  });
  test('large ones are not, with what stands beside them', () => {
    const held = createHeldCalls();
    for (const [id, bytes, large] of [
      ['fits', 64 * KB, undefined],
      ['data', 64 * KB + 1, undefined],
      ['beside', 1, 64 * KB],
      ['both', 1, 64 * KB - 1],
    ] as const) {
      held.hold(id, call(bytes, large));
      held.keep(`cast-${id}`, call(bytes, large));
    }
    const kept = ['fits', 'data', 'beside', 'both'].map((id) => held.get(id) !== undefined);
    expect(kept).toEqual([true, false, false, true]);
    expect(['fits', 'data', 'beside', 'both'].map((id) => held.get(`cast-${id}`) !== undefined)).toEqual(kept);
  });
  test('of casts the newest of a minute and of 8 MB are kept', () => {
    const held = createHeldCalls();
    held.keep('old', call(1));
    vi.advanceTimersByTime(59_999);
    held.keep('young', call(1));
    expect(held.get('old')).toBeDefined();
    vi.advanceTimersByTime(1);
    held.prune(() => false);
    expect([held.get('old'), held.get('young') !== undefined]).toEqual([undefined, true]);
    for (let i = 0; i < 128; i += 1) held.keep(`c${i}`, call(64 * KB));
    expect([held.get('young'), held.get('c0') !== undefined]).toEqual([undefined, true]);
    held.keep('c128', call(64 * KB));
    expect([held.get('c0'), held.get('c1') !== undefined]).toEqual([undefined, true]);
  });
  test('of awaited ones 64 MB are held, and what is let go makes room', () => {
    const held = createHeldCalls();
    for (let i = 0; i < 1_025; i += 1) held.hold(`a${i}`, call(64 * KB));
    expect([held.get('a1023') !== undefined, held.get('a1024')]).toEqual([true, undefined]);
    // Held twice counts once.
    held.prune((id) => id !== 'a0');
    held.hold('a1', call(1));
    held.hold('more', call(64 * KB));
    expect(held.get('more')).toBeDefined();
    held.keep('cast', call(64 * KB));
    held.join('cast');
    expect(held.get('cast')).toBeUndefined();
  });
  test('a cast that is awaited is held like a call, and outlives its minute', () => {
    const held = createHeldCalls();
    held.keep('cast', call(1));
    held.join('cast');
    held.join('unknown');
    vi.advanceTimersByTime(60_000);
    held.prune(() => true);
    expect(held.get('cast')).toBeDefined();
    held.prune(() => false);
    expect(held.get('cast')).toBeUndefined();
  });
});

test('one signal tells all who listen, once, and not those who left', () => {
  const abort = new AbortController();
  const told: string[] = [];
  const listener = (name: string) => ({ onAbort: () => void told.push(name) });
  const [a, b, c] = [listener('a'), listener('b'), listener('c')];
  expect(listening(abort.signal)).toBe(0);
  const added = vi.spyOn(abort.signal, 'addEventListener');
  for (const each of [a, b, c]) listen(abort.signal, each);
  unlisten(abort.signal, b);
  unlisten(new AbortController().signal, a);
  expect([listening(abort.signal), added.mock.calls.length]).toEqual([2, 1]);
  abort.abort();
  abort.signal.dispatchEvent(new Event('abort'));
  expect([told, listening(abort.signal)]).toEqual([['a', 'c'], 0]);
});

test('what was put up is taken down in the opposite order, whatever fails or hangs', async () => {
  const ending = createEnding();
  const done: string[] = [];
  ending.add('the first', () => void done.push('first'));
  ending.add('the second', () => {
    throw new Error('no');
  });
  ending.add('the third', () => Promise.reject('text'));
  ending.add('the fourth', () => new Promise(() => undefined));
  ending.add('the fifth', () => new Promise<void>((resolve) => setTimeout(() => resolve(void done.push('fifth')), 80)));
  const over = ending.run(100);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await over).toEqual(['the fourth: it did not end within 50 ms', 'the third: text', 'the second: no']);
  expect(done).toEqual(['fifth', 'first']);
  expect(await ending.run(100)).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
