/** What a runner takes for a call: an envelope of its own version, whole. */
import { expect, test } from 'vitest';
import {
  digestOf,
  distrust,
  ENVELOPE_VERSION,
  type Envelope,
  INLINE_ARGS_BYTES,
  parseEnvelope,
  placeSealed,
  signEnvelope,
} from '../src/envelope.ts';

const whole = { v: ENVELOPE_VERSION, fn: 'resize', args: '[]', opts: { timeoutMs: 1 } };

test('an envelope of another version is not read, and says both versions', () => {
  expect(String(parseEnvelope(whole))).not.toMatch(/version/);
  for (const v of [ENVELOPE_VERSION + 1, 0, String(ENVELOPE_VERSION), undefined]) {
    const reason = parseEnvelope({ ...whole, v });
    expect(reason).toBe(`its envelope has version ${String(v)}, this runner reads version ${ENVELOPE_VERSION}`);
  }
});

const full: Envelope = {
  v: ENVELOPE_VERSION,
  fn: 'resize',
  release: 'r1',
  args: '[]',
  size: 2,
  by: 'web-1',
  at: 1_000,
  opts: { timeoutMs: 1, retries: 0, failOnLoss: false, resultTtlMs: 3, failedTtlMs: 4 },
};

test('what is no whole envelope is said to be damaged', () => {
  const line = { root: 'a.b', above: ['a.b'], fns: ['f'], depth: 1, given: [] };
  for (const good of [{}, { args: null }, { sealed: 'x', scope: 'y', digest: 'z' }, { at: undefined }, { line }]) {
    expect(parseEnvelope({ ...full, ...good })).toEqual({ ...full, ...good });
  }
  const damaged = [
    ...['fn', 'release', 'by', 'args', 'size', 'sealed', 'scope', 'digest', 'at', 'line'].map((name) => ({
      [name]: {},
    })),
    ...['fn', 'release', 'by', 'args', 'size'].map((name) => ({ [name]: undefined })),
    ...[{ root: 1 }, { depth: 1.5 }, { above: 'a' }, { fns: [1] }, { given: [null] }].map((change) => ({
      line: { ...line, ...change },
    })),
    { line: null },
    { at: Number.NaN },
  ];
  for (const change of damaged) {
    expect([change, parseEnvelope({ ...full, ...change })]).toEqual([change, 'its envelope is damaged']);
  }
  for (const name of ['timeoutMs', 'retries', 'resultTtlMs', 'failedTtlMs']) {
    expect(parseEnvelope({ ...full, opts: { ...full.opts, [name]: '1' } })).toBe('its envelope has no options');
  }
  for (const opts of [null, undefined, 'x'])
    expect(parseEnvelope({ ...full, opts })).toBe('its envelope has no options');
  for (const data of [null, 'x', undefined, 5]) expect(parseEnvelope(data)).toBe('its data is not an envelope');
});

test('sealed arguments stand in the envelope up to 16 KB, and above that beside it under their digest', () => {
  const stale = { ...full, sealed: 'old', digest: 'old' };
  const small = new Uint8Array(Buffer.alloc(INLINE_ARGS_BYTES + 4, 7).buffer, 2, INLINE_ARGS_BYTES);
  expect(placeSealed(stale, small)).toEqual({
    envelope: { ...full, args: null, sealed: Buffer.from(small).toString('base64') },
    largeArgs: undefined,
  });
  const large = Buffer.alloc(INLINE_ARGS_BYTES + 1, 7);
  const placed = placeSealed(stale, large);
  expect(placed).toEqual({ envelope: { ...full, args: null, digest: digestOf(large) }, largeArgs: large });
  expect(digestOf(Buffer.from('a'))).toBe('ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs');
});

test('a signature covers every field, the app and the call, and is wanted wherever there is a key', () => {
  const signed = signEnvelope(full, 'p.1', 'shop', 'key');
  expect(distrust(signed, 'p.1', 'shop', 'key')).toBeUndefined();
  expect(signEnvelope(full, 'p.1', 'shop', undefined)).toBe(full);
  expect(distrust(full, 'p.1', 'shop', undefined)).toBeUndefined();
  expect(distrust(full, 'p.1', 'shop', 'key')).toBe('it is not signed, and this runner has a signing key');
  const wrong = 'its signature does not match';
  expect(distrust(signed, 'p.2', 'shop', 'key')).toBe(wrong);
  expect(distrust(signed, 'p.1', 'mall', 'key')).toBe(wrong);
  expect(distrust(signed, 'p.1', 'shop', 'other')).toBe(wrong);
  expect(distrust({ ...signed, sig: `${signed.sig}x` }, 'p.1', 'shop', 'key')).toBe(wrong);
  for (const change of [
    { fn: 'x' },
    { args: '[1]' },
    { at: 2 },
    { opts: { ...full.opts, timeoutMs: 9 } },
    { by: 'x' },
  ]) {
    expect(distrust({ ...signed, ...change }, 'p.1', 'shop', 'key')).toBe(wrong);
  }
  // One that is signed again is signed over the same fields: the old signature is none of them.
  expect(signEnvelope(signed, 'p.1', 'shop', 'key')).toEqual(signed);
});

test('a signature is good for its time after the call was due, and a week longer than a failure is kept', () => {
  const trust = (at: number | undefined, now: number, signatureTtlMs: number, required = false) => {
    const signed = signEnvelope({ ...full, at }, 'p.1', 'shop', 'key');
    return distrust(signed, 'p.1', 'shop', 'key', { now, signatureTtlMs, required });
  };
  const day = 86_400_000;
  expect(trust(1_000, 1_000 + 30 * day, 30 * day)).toBeUndefined();
  expect(trust(1_000, 1_001 + 30 * day, 30 * day)).toBe(
    'it was due 30d ago, and its signature was good for 30d (signatureTtl)',
  );
  expect(trust(1_000, 1_000 + 7 * day + 4, 5)).toBeUndefined();
  expect(trust(1_000, 1_001 + 7 * day + 4, 5)).toContain('good for 7d');
  expect(trust(undefined, 5 * day, 5)).toBeUndefined();
  expect(trust(undefined, 5 * day, 5, true)).toBe('it does not say when it is due (requireSignedTime)');
  expect(trust(1_000, 1_000, 5, true)).toBeUndefined();
});
