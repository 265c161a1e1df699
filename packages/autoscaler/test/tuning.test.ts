/** Settings of a running pool: what may be stored, and what is refused. */
import { FlameConfigError } from '@flamejs/queue';
import { describe, expect, test } from 'vitest';
import { tuner } from '../src/tuning/index.ts';
import { tunedPool as poolOf } from './support/tuned-pool.ts';

const NOW = 1_700_000_000_000;

describe('changing settings', () => {
  const pool = poolOf();

  test('numbers, policy, holds and an override become fields of the hash, and take effect together', () => {
    const { set, drop, effective } = tuner.change(
      pool,
      { max: '4', by: 'ada' },
      {
        min: 2,
        buffer: 3,
        max: null,
        policy: [{ name: 'queueDepth' }, { name: 'step', options: [{ calls: 1, runners: 3 }] }],
        paused: 'in',
        override: { desired: 5, forMs: 60_000 },
      },
      NOW,
    );
    expect(drop).toEqual(['max']);
    expect(set).toMatchObject({ min: '2', buffer: '3', paused: 'in' });
    expect(effective).toMatchObject({ min: 2, max: 10, buffer: 3, allowIn: false, allowOut: true });
    expect(effective.policy.name).toBe('combine(queueDepth, step)');
    expect(effective.override).toEqual({ desired: 5, until: NOW + 60_000 });
    // What is stored is what the autoscaler reads.
    const read = tuner.read(pool, { by: 'ada', ...set });
    expect(read.ok && { ...read.effective, policy: read.effective.policy.name }).toEqual({
      ...effective,
      policy: effective.policy.name,
    });
  });

  test.each([
    ['a number below 0', { min: -1 }, /min: expected a whole number from 0 to/],
    ['C-18: a max that the config refuses', { max: 0 }, /max: expected a whole number from 1 to 100000/],
    ['C-18: a max beyond what the config allows', { max: 1e9 }, /max: expected a whole number from 1 to 100000/],
    ['C-18: a buffer of millions', { buffer: 3e7 }, /buffer: expected a whole number/],
    ['C-18: an override of millions', { override: { desired: 3e7, forMs: 1_000 } }, /override: desired: expected/],
    ['a broken number', { max: 1.5 }, /max: a whole number/],
    ['a text for a number', { buffer: 'many' }, /buffer: a whole number/],
    ['an unknown setting', { minimum: 1 }, /minimum: unknown setting; known: min, max/],
    ['min above max', { min: 11 }, /min 11 is larger than max 10/],
    ['an unknown policy', { policy: { name: 'wishful' } }, /policy: unknown policy "wishful"; known: queueDepth/],
    ['no policy at all', { policy: 7 }, /policy: unknown policy/],
    ['a policy without what it needs', { policy: { name: 'waitTime' } }, /policy: /],
    ['a wrong hold', { paused: 'up' }, /paused: in, out or all/],
    ['an override without an end', { override: { desired: 3 } }, /override: until/],
    ['an override of nothing', { override: 5 }, /override: desired/],
  ])('%s is refused by name, and nothing is changed', (_what, change, message) => {
    expect(() => tuner.change(pool, {}, change, NOW)).toThrow(message);
    expect(() => tuner.change(pool, {}, change, NOW)).toThrow(FlameConfigError);
  });

  test('what stood there wrong before is named too, and can be dropped', () => {
    expect(() => tuner.change(pool, { max: 'ten' }, { min: 1 }, NOW)).toThrow(/max: a whole number/);
    expect(tuner.change(pool, { max: 'ten' }, { min: 1, max: null }, NOW).effective).toMatchObject({
      min: 1,
      max: 10,
    });
  });
});

describe('C-18 what already stands in the hash', () => {
  test('C-18: settings that the config would refuse are refused by the autoscaler too, whoever wrote them', () => {
    const read = tuner.read(poolOf(), { max: '1000000000' });
    expect(read).toMatchObject({ ok: false, problems: [expect.stringMatching(/^max: expected a whole number/)] });
    expect(tuner.read(poolOf(), { max: '100000', min: '0' }).ok).toBe(true);
  });
});
