/** What a runner takes for a call: an envelope of its own version, whole. */
import { expect, test } from 'vitest';
import { ENVELOPE_VERSION, parseEnvelope } from '../src/envelope.ts';

const whole = { v: ENVELOPE_VERSION, fn: 'resize', args: '[]', opts: { timeoutMs: 1 } };

test('an envelope of another version is not read, and says both versions', () => {
  expect(String(parseEnvelope(whole))).not.toMatch(/version/);
  for (const v of [ENVELOPE_VERSION + 1, 0, String(ENVELOPE_VERSION), undefined]) {
    const reason = parseEnvelope({ ...whole, v });
    expect(reason).toBe(`its envelope has version ${String(v)}, this runner reads version ${ENVELOPE_VERSION}`);
  }
});
