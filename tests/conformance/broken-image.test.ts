/** What callers and operators are told while no runner comes up. */
import { fileURLToPath } from 'node:url';
import { local } from '@flamejs/autoscaler/local';
import { FlameBootError } from '@flamejs/queue';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { flame as run } from '../cli/flame.ts';
import { startFleet, tasks } from '../support/fleet.ts';
import { waitFor } from '../support/wait-for.ts';

const BROKEN = fileURLToPath(new URL('../fixtures/broken/runner.mjs', import.meta.url));
const CAUSE = 'libvips.so.42: cannot open shared object file';

test('F06 P24 with a broken image the waiting call fails with FlameBootError and the image’s own words; status and command line say them too', async () => {
  await using fleet = await startFleet({ pools: { main: { min: 0, max: 2, bootTimeout: '10s' } } });
  const logger = pino({ level: 'silent' });
  const autoscaler = await fleet.autoscaler({ defaultBackend: local({ command: BROKEN, logger }) });
  const handle = await fleet.flame.cast(tasks.echo, 1);
  const error = await fleet.flame.call(tasks.echo.with({ queueTimeout: '6s' }), 1).catch((cause: unknown) => cause);
  expect(String(error)).toContain(CAUSE);
  expect(error).toBeInstanceOf(FlameBootError);
  expect(error).toMatchObject({ code: 'FLAME_ERR_BOOT', message: expect.stringContaining(CAUSE) });
  await waitFor(() => autoscaler.status().pools.main?.breaker.open === true, {
    what: 'the breaker',
  });
  const { text } = (await handle.status()) as { readonly text?: string };
  expect(JSON.stringify([text, await handle.status()])).toContain(CAUSE);
  const status = await run(['status'], { env: fleet.env });
  expect([status.code, status.output]).toEqual([1, expect.stringContaining(CAUSE)]);
  await handle.cancel();
});
