/** What stands in Redis, read back: whole, damaged, or written by somebody else. Pure. */
import { describe, expect, test } from 'vitest';
import { newCallId, poolOfCallId, userCallId } from '../src/call-id.ts';
import { FlameConfigError } from '../src/errors/index.ts';
import { parseHistory } from '../src/history.ts';
import { mapParsed, no, show, yes } from '../src/parsed.ts';
import { parseRunnerRecord } from '../src/runner-record.ts';
import { isSecret, Secret } from '../src/secret.ts';
import { soundHash } from '../src/sound-job.ts';
import { damageLog, finite, haveNumbers, parseObject, removalOf } from '../src/stored.ts';
import { didYouMean, noSuchPool, suggest } from '../src/suggest.ts';

describe('the history of a call', () => {
  test('is read with runner, times, end and lines; what is missing is empty', () => {
    const text = JSON.stringify([
      { runner: 'r1', at: 5, till: '9', ended: 'lost', lines: ['a', 1] },
      { at: 'x', lines: 'a' },
    ]);
    expect(parseHistory(text)).toEqual([
      { runnerId: 'r1', startedAt: 5, endedAt: 9, ended: 'lost', lines: ['a', '1'] },
      { runnerId: '', startedAt: 0, endedAt: 0, ended: '', lines: [] },
    ]);
    const none = { runnerId: '', startedAt: 0, endedAt: 0, ended: '', lines: [] };
    expect(parseHistory('[null, 5]')).toEqual([none, none]);
    for (const odd of [undefined, '', '{', '{}', '7', 'null']) expect(parseHistory(odd)).toEqual([]);
  });
});

describe('a runner’s own record', () => {
  const written = {
    state: 'draining',
    active: '2',
    slots: '4',
    idleSince: '5',
    startedAt: '6',
    readyAt: '7',
    heartbeatAt: '8',
    busyTotalMs: '21',
    idleTotalMs: '22',
    drainTotalMs: '23',
    roundTripMs: '24',
    release: 'r1',
    host: 'h',
    pid: '9',
    served: '10',
    ackedDrain: '11',
    reason: 'sigterm',
    fault: 'modules',
    drain: '12',
    drainReason: 'idle',
  };
  test('is read field by field', () => {
    expect(parseRunnerRecord('work', 'w-1', written)).toEqual({
      runnerId: 'w-1',
      pool: 'work',
      state: 'draining',
      active: 2,
      slots: 4,
      idleSince: 5,
      startedAt: 6,
      readyAt: 7,
      heartbeatAt: 8,
      busyTotalMs: 21,
      idleTotalMs: 22,
      drainTotalMs: 23,
      roundTripMs: 24,
      release: 'r1',
      host: 'h',
      pid: 9,
      served: 10,
      ackedDrain: 11,
      reason: 'sigterm',
      fault: 'modules',
      drain: 12,
      drainReason: 'idle',
      parked: false,
    });
  });
  test('begins as starting, with nothing', () => {
    const empty = parseRunnerRecord('work', 'w-1', { state: 'dancing', active: 'many', fault: 'gremlins' });
    expect(empty).toMatchObject({
      state: 'starting',
      active: 0,
      slots: 0,
      release: '',
      host: '',
      reason: '',
      fault: '',
      drainReason: '',
      parked: false,
    });
    for (const state of ['starting', 'ready', 'draining', 'drained', 'ended']) {
      expect(parseRunnerRecord('work', 'w-1', { state }).state).toBe(state);
    }
    expect(parseRunnerRecord('work', 'w-1', {}).state).toBe('starting');
  });
});

test('fields that BullMQ could not parse become nothing that anybody would execute', () => {
  const hash = ['data', '{', 'opts', '[]', 'progress', 'x', 'parent', '5', 'name', '{', 'data'];
  expect(soundHash(hash)).toEqual(['data', 'null', 'opts', '{}', 'progress', '0', 'parent', '', 'name', '{', 'data']);
  const sound = ['data', '{"a":1}', 'opts', '{"b":2}', 'progress', '50', 'parent', '{"id":1}', 'opts', 'null'];
  expect(soundHash(sound)).toEqual([...sound.slice(0, 9), '{}']);
});

describe('JSON as it stands in Redis', () => {
  test('is an object or nothing', () => {
    expect(parseObject('{"a":1}')).toEqual({ a: 1 });
    for (const odd of ['[]', 'null', '5', '{', '', undefined, 5, { a: 1 }]) expect(parseObject(odd)).toBeUndefined();
  });
  test('has numbers where they are wanted, and 0 where there is none', () => {
    expect(haveNumbers({ a: 1, b: 2 }, ['a', 'b'])).toBe(true);
    for (const b of ['2', null, undefined, Number.NaN]) expect(haveNumbers({ a: 1, b }, ['a', 'b'])).toBe(false);
    expect([7, '7', null, undefined, 'x', Number.POSITIVE_INFINITY].map(finite)).toEqual([7, 7, 0, 0, 0, 0]);
  });
  test('that is damaged is told once for each record, with how to remove it', () => {
    const told: { fields: object; message: string }[] = [];
    const damaged = damageLog({ warn: (fields, message) => void told.push({ fields, message }) });
    const one = { what: 'the schedule "x"', key: 'k', field: 'f' };
    for (const record of [one, one, { ...one, field: 'g' }, { what: 'y', key: 'k' }, { what: 'y', key: 'k' }])
      damaged(record);
    expect(told).toEqual([
      {
        fields: { key: 'k', field: 'f' },
        message:
          'a record in Redis is damaged and is skipped: the schedule "x". Write it again, or remove it: HDEL "k" "f"',
      },
      expect.objectContaining({ fields: { key: 'k', field: 'g' } }),
      expect.objectContaining({ message: expect.stringMatching(/: y\. .*DEL "k"$/) }),
    ]);
    for (let i = 0; i < 1_000; i += 1) damaged({ what: 'z', key: `k${i}` });
    // So much damage that it is told again, and memory does not grow with it.
    damaged(one);
    expect(told.length).toBe(3 + 1_000 + 1);
    expect(removalOf({ key: 'k'.repeat(400) })).toContain(`"${'k'.repeat(300)}"`);
  });
});

test('what is shown of a rejected value is short, and never what is in it', () => {
  expect([
    show('x'.repeat(50)),
    show(() => 1),
    show(['s']),
    show({ s: 1 }),
    show(null),
    show(5n),
    show(undefined),
  ]).toEqual([`'${'x'.repeat(40)}'`, 'a function', 'an array', 'an object', 'null', '5', 'undefined']);
  expect(mapParsed(yes(2), (n) => n + 1)).toEqual({ ok: true, value: 3 });
  expect(mapParsed(no('why'), (n: number) => n + 1)).toEqual({ ok: false, message: 'why' });
});

describe('ids of calls', () => {
  test('name their pool', () => {
    const id = newCallId('my-pool2');
    expect(id).toMatch(/^my-pool2\.[a-z2-7]{26}$/);
    expect(newCallId('my-pool2')).not.toBe(id);
    expect(poolOfCallId(id)).toBe('my-pool2');
    const own = userCallId('work', 'order 7\n');
    expect(own).toMatch(/^work\.u[0-9a-f]{40}$/);
    expect(userCallId('work', 'order 7\n')).toBe(own);
    expect(userCallId('work', 'order 8')).not.toBe(own);
    expect(poolOfCallId(own)).toBe('work');
  });
  test('are refused when they are none, in a message that is not as long as they are', () => {
    const good = newCallId('work');
    const bad = [
      '',
      'work',
      `.${good}`,
      `${good}a`,
      ` ${good}`,
      `${good}\n`,
      good.toUpperCase(),
      `2${good}`,
      'work.u12',
    ];
    for (const id of bad) expect(() => poolOfCallId(id), id).toThrow(FlameConfigError);
    try {
      poolOfCallId('x'.repeat(200));
    } catch (error) {
      expect((error as FlameConfigError).problems).toMatchObject([
        { path: 'id', message: expect.stringContaining(`"${'x'.repeat(80)}" is not a call id`) },
      ]);
    }
  });
});

describe('did you mean', () => {
  const options = ['maxConcurrency', 'retries', 'timeout', 'min', 'max'];
  test.each([
    ['retires', 'retries'],
    ['TIMEOUT', 'timeout'],
    ['timeuot', 'timeout'],
    ['concurrency', 'maxConcurrency'],
    ['retry', 'retries'],
    ['retryBudget', 'retries'],
    ['mim', 'min'],
    ['mxa', 'max'],
    ['tmeot', 'timeout'],
    ['banana', undefined],
    ['con', undefined],
    ['xx', undefined],
    ['', undefined],
  ])('%s: %s', (name, expected) => {
    expect(suggest(name, options)).toBe(expected);
  });
  test('takes the closest, the first of two that are as close, and looks at 64 letters', () => {
    expect(suggest('pool-b', ['pool-aa', 'pool-bb', 'pool-b2'])).toBe('pool-bb');
    const long = 'a'.repeat(64);
    expect(suggest(`${long}xyz`, [`${long}${'q'.repeat(60)}`])).toBe(`${long}${'q'.repeat(60)}`);
    expect(didYouMean('mni', options)).toBe(' Did you mean "min"?');
    expect(didYouMean('banana', options)).toBe('');
  });
  test('names the pools that there are', () => {
    expect(noSuchPool('mian', ['main', 'images'])).toBe(
      'there is no pool "mian"; the config has main, images. Did you mean "main"?',
    );
    expect(noSuchPool('zz', ['main'], 'shop')).toBe('there is no pool "zz" in app "shop"; it has main');
    expect(noSuchPool('x'.repeat(90), [])).toBe(`there is no pool "${'x'.repeat(80)}"; the config has none`);
  });
});

test('a secret is known as one, also of another copy of this package', () => {
  expect(isSecret(Secret.of(1))).toBe(true);
  expect(isSecret({ [Symbol.for('@flamejs/secret')]: true })).toBe(true);
  for (const other of [null, undefined, 'x', {}, () => 1]) expect(isSecret(other)).toBe(false);
  expect(Secret.sealed(() => 5).reveal()).toBe(5);
  expect(`${Secret.of('x')} ${JSON.stringify([Secret.of('x')])}`).toBe('[secret] ["[secret]"]');
});
