/** G7: why a call waits, for everything that can keep it. */
import { expect, test } from 'vitest';
import { explainWaiting, type PoolStatus } from '../src/explain.ts';
import type { CallInspection } from '../src/inspection.ts';

const NOW = 1_000_000;
const call = (changes: Partial<CallInspection> = {}): CallInspection =>
  ({
    state: 'waiting',
    now: NOW,
    ahead: 0,
    runners: 0,
    poolPaused: false,
    attemptsMade: 0,
    ...changes,
  }) as CallInspection;
const status = (changes: Partial<PoolStatus> = {}): PoolStatus => ({
  min: 0,
  max: 3,
  maxConcurrency: 1,
  backend: 'local',
  bootTimeoutMs: 30_000,
  at: NOW - 500,
  physical: 0,
  ready: 0,
  booting: 0,
  ...changes,
});

test.each([
  ['a paused pool', call({ poolPaused: true }), status(), 'paused', 'pool "images" is paused'],
  ['no autoscaler ever', call(), undefined, 'no-autoscaler', /no runner, and no autoscaler has ever seen it/],
  ['a silent autoscaler', call(), status({ at: NOW - 90_000 }), 'no-autoscaler', /been heard of for 90.0 s/],
  [
    'no machines to be had',
    call(),
    status({ blocked: 'no capacity' }),
    'blocked',
    /cannot|can be started: no capacity/,
  ],
  ['a boot that failed', call(), status({ bootFailure: 'no image' }), 'boot-failed', /no image; another try is made/],
  [
    'a boot under way',
    call({ ahead: 2 }),
    status({ booting: 1, physical: 1 }),
    'booting',
    /1 runner is booting; 2 calls are ahead/,
  ],
  ['no runner yet', call(), status(), 'booting', /no runner yet, and its autoscaler is to start one; it is next/],
  [
    'the maximum',
    call({ runners: 3, ahead: 1 }),
    status({ physical: 3, ready: 3 }),
    'max-reached',
    /max 3\); 1 call is ahead/,
  ],
  [
    'busy slots',
    call({ runners: 1 }),
    status({ physical: 1, ready: 1 }),
    'free-slot',
    /waits for a free slot of the pool's runner; it is next/,
  ],
  ['busy slots of runners started by hand', call({ runners: 1 }), undefined, 'free-slot', /waits for a free slot/],
  ['a delay', call({ state: 'delayed', dueAt: NOW + 2_000 }), status(), 'delayed', 'it is due in 2.0 s'],
  [
    'a backoff',
    call({ state: 'delayed', dueAt: NOW + 2_000, attemptsMade: 1 }),
    status(),
    'delayed',
    /backoff after a failed/,
  ],
  ['a lost runner', call({ state: 'orphaned', runnerId: 'r1' }), status(), 'runner-lost', /r1 no longer answers/],
] as const)('G7 a call that waits because of %s says so', (_what, inspected, known, reason, text) => {
  const explained = explainWaiting('images', inspected, known);
  expect(explained.reason).toBe(reason);
  expect(explained.text).toMatch(text);
});
