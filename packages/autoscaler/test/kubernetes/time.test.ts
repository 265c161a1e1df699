/** What depends on minutes: a view that has heard nothing, pods that outlive their grace period, names that are kept. */
import { describe, expect, test } from 'vitest';
import { type Api, ApiError, type ApiRequest, type WatchEvent } from '../../src/backends/kubernetes/api.ts';
import type { Pod } from '../../src/backends/kubernetes/pod.ts';
import { createEnder } from '../../src/backends/kubernetes/terminate.ts';
import { sleepOn, type Time } from '../../src/backends/kubernetes/time.ts';
import { createTombs } from '../../src/backends/kubernetes/tombs.ts';
import { createView, type View } from '../../src/backends/kubernetes/view.ts';
import { quiet, type VirtualClock, virtualClock } from '../model/virtual-clock.ts';
import { failure, never } from './support.ts';

const timeOf = (clock: VirtualClock): Time => ({
  now: clock.mono,
  after: (ms, fn) => clock.after(ms, fn),
  sleep: (ms, signal) => sleepOn(clock, ms, signal),
});

const pod = (more: Partial<Pod['metadata']> = {}, phase = 'Running'): Pod => ({
  metadata: { name: 'a', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...more },
  status: { phase },
});

/** An API whose watches say nothing, for ever. @param list what a list answers, or throws */
const silentApi = (list: () => unknown): Api & { readonly sent: ApiRequest[]; watches: number } => {
  const api = {
    sent: [] as ApiRequest[],
    watches: 0,
    namespace: async () => 'shop',
    async send(request: ApiRequest) {
      api.sent.push(request);
      return list();
    },
    async *watch(_path: string, _query: object, signal: AbortSignal): AsyncIterable<WatchEvent> {
      api.watches += 1;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      throw new ApiError('aborted');
    },
    close: () => undefined,
  };
  return api;
};

describe('a view', () => {
  test('that hears nothing asks anew, and while it hears nothing it is no view', async () => {
    const clock = virtualClock();
    let answers = true;
    const api = silentApi(() => {
      if (!answers) throw new ApiError('no route to host');
      return { metadata: { resourceVersion: '1' }, items: [pod()] };
    });
    const view = createView(api, 'shop', 'shop', timeOf(clock));
    expect(await view.pods(never)).toHaveLength(1);
    // The connection is silent for longer than the server lets a watch live: another list, another watch.
    await clock.advance(52_000);
    expect([api.sent.length, api.watches]).toEqual([2, 2]);
    answers = false;
    await clock.advance(50_000);
    // What was heard is younger than a minute.
    expect(await view.pods(never)).toHaveLength(1);
    await clock.advance(15_000);
    expect(await failure(view.pods(never))).toMatchObject({ message: 'no route to host' });
    answers = true;
    await clock.advance(40_000);
    expect(await view.pods(never)).toHaveLength(1);
    view.stop();
  });

  test('that nobody asks for five minutes asks nothing any more, until somebody does', async () => {
    const clock = virtualClock();
    const api = silentApi(() => ({ metadata: { resourceVersion: '1' }, items: [] }));
    const view = createView(api, 'shop', 'shop', timeOf(clock));
    await view.pods(never);
    await clock.advance(400_000);
    const before = api.sent.length;
    await clock.advance(3_600_000);
    expect(api.sent.length).toBe(before);
    const asked = view.pods(never);
    await quiet();
    expect(await asked).toEqual([]);
    expect(api.sent.length).toBe(before + 1);
    view.stop();
  });

  test('keeps a pod that was made after a list had begun', async () => {
    const clock = virtualClock();
    let answer: (list: unknown) => void = () => undefined;
    const api = silentApi(() => new Promise((resolve) => (answer = resolve)));
    const view = createView(api, 'shop', 'shop', timeOf(clock));
    const asked = view.pods(never);
    await quiet();
    view.note(pod());
    answer({ metadata: { resourceVersion: '1' }, items: [] });
    expect(await asked).toHaveLength(1);
    // A list that begins later is believed.
    await clock.advance(52_000);
    answer({ metadata: { resourceVersion: '2' }, items: [] });
    await quiet();
    expect(await view.pods(never)).toEqual([]);
    expect(view.goneOf('a')).toBeDefined();
    view.stop();
  });
});

describe('a pod that is on its way out', () => {
  const leaving = pod({ deletionTimestamp: '2026-01-01T00:00:41Z', deletionGracePeriodSeconds: 41 });
  const seeing = { known: () => leaving } as unknown as View;
  const setup = () => {
    const clock = virtualClock();
    const api = silentApi(() => ({}));
    return { clock, api, ender: createEnder(api, async () => 'shop', timeOf(clock)) };
  };

  test('is deleted by force when it outlives its grace period by a minute and its runner is silent', async () => {
    const { clock, api, ender } = setup();
    const silent = new Set(['a@u']);
    expect(await ender.end('a@u', seeing, silent, never)).toEqual({ id: 'a@u', ok: true });
    await clock.advance(100_000);
    await ender.end('a@u', seeing, silent, never);
    expect(api.sent).toEqual([]);
    await clock.advance(2_000);
    await ender.end('a@u', seeing, silent, never);
    expect(api.sent).toMatchObject([
      { method: 'DELETE', body: { gracePeriodSeconds: 0, preconditions: { uid: 'u' } } },
    ]);
  });

  test('is never deleted by force while its runner answers', async () => {
    const { clock, api, ender } = setup();
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await ender.end('a@u', seeing, new Set(), never);
      await clock.advance(60_000);
    }
    expect(api.sent).toEqual([]);
  });

  test('another pod of that name is not meant, and is protected by its uid', async () => {
    const { api, ender } = setup();
    await ender.end('a@other', seeing, new Set(), never);
    expect(api.sent).toMatchObject([{ method: 'DELETE', body: { preconditions: { uid: 'other' } } }]);
    expect(api.sent[0]?.body).not.toHaveProperty('gracePeriodSeconds');
  });
});

test('an ended pod keeps its name for ten minutes, and is then removed by its uid', async () => {
  const clock = virtualClock();
  const api = silentApi(() => ({}));
  const tombs = createTombs(api, timeOf(clock));
  const ended = pod({}, 'Failed');
  await tombs.sweep([ended], 'shop', never);
  await clock.advance(9 * 60_000);
  await tombs.sweep([ended], 'shop', never);
  expect(api.sent).toEqual([]);
  await clock.advance(60_000);
  await tombs.sweep([ended], 'shop', never);
  expect(api.sent).toMatchObject([{ method: 'DELETE', body: { preconditions: { uid: 'u' } } }]);
});
