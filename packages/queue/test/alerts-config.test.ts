/** The option `alerts`, and what is wrong with it. */
import { expect, test } from 'vitest';
import { readAlerts } from '../src/config/read-alerts.ts';

const secret = 'sixteen letters!';

test('alerts are read with their defaults', () => {
  const on = () => undefined;
  expect(readAlerts({ on, webhook: { url: 'https://example.com/x', secret } })).toEqual({
    ok: true,
    value: { on, webhook: { url: 'https://example.com/x', secret, allowPrivate: false }, waitMs: 300_000 },
  });
  expect(readAlerts({ waitLongerThan: '30s' })).toMatchObject({ ok: true, value: { waitMs: 30_000 } });
});

test.each([
  ['no', 'expected { on, webhook'],
  [{ hook: 1 }, "has no option 'hook'"],
  [{ on: 'x' }, 'on: expected a function'],
  [{ waitLongerThan: 'soon' }, 'waitLongerThan:'],
  [{ webhook: { url: 'ftp://x', secret } }, 'webhook: expected a url'],
  [{ webhook: { url: 'https://x', secret: 'short' } }, 'webhook: needs a secret of at least 16'],
  [{ webhook: { url: 'https://x', secret, allowPrivate: 1 } }, 'allowPrivate: expected true or false'],
])('%j is refused with a sentence', (input, message) => {
  expect(readAlerts(input)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
});
