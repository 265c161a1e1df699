import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { isAlive, startSource } from '../../../tests/support/processes.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { livingPid, startTimeOf } from '../src/backends/local/identity.ts';
import { local } from '../src/backends/local.ts';
import { testBackend } from '../src/testing/index.ts';
import { FIXTURE } from './support/app.ts';

const logger = pino({ level: 'silent' });
const env = { FIXTURE: JSON.stringify({ never: true }) };
const signal = AbortSignal.timeout(60_000);
const request = (app: string, runnerId: string, fixture: object = { never: true }) => ({
  app,
  pool: 'work',
  runnerId,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_RUNNER_ID: runnerId, FLAME_POOL: 'work', FIXTURE: JSON.stringify(fixture) },
  secrets: {},
});

testBackend('local', { test, expect }, async () => {
  const backend = local({ command: FIXTURE, logger, killAfterMs: 500 });
  return {
    backend,
    env,
    dispose: async () => backend.close?.(),
    crash: async ({ id }) => void process.kill(livingPid(id) ?? 0, 'SIGKILL'),
  };
});

test('a process that ends at once leaves its exit code and its last words', async () => {
  const backend = local({ command: FIXTURE, logger });
  const changed: string[] = [];
  backend.onChange((pool) => changed.push(pool));
  const app = `words-${process.pid}`;
  await backend.launch(request(app, 'work-aaaaaa-bbbbbbbbbbbb', { failUnless: '/nowhere' }), signal);
  await waitFor(() => changed.length > 0, { what: 'the exit to be told' });
  const [instance] = await backend.list(app, signal);
  expect(instance?.state).toBe('gone');
  expect(instance?.end).toMatchObject({ reason: 'exited with code 7', exitCode: 7 });
  expect(instance?.end?.lastLines).toMatch(/the image is broken/);
  await backend.close?.();
});

test('a frozen process that ignores SIGTERM is ended with its whole group', async () => {
  const backend = local({ command: FIXTURE, logger, killAfterMs: 300 });
  const app = `frozen-${process.pid}`;
  const { id } = await backend.launch(
    request(app, 'work-aaaaaa-cccccccccccc', { never: true, ignoreSigterm: true }),
    signal,
  );
  const pid = livingPid(id) ?? 0;
  process.kill(pid, 'SIGSTOP');
  await backend.terminate([id], signal);
  await waitFor(() => !isAlive(pid), { what: 'the end' });
  await backend.close?.();
});

test('an id with a reused pid ends nobody', async () => {
  const backend = local({ command: FIXTURE, logger });
  expect(await backend.terminate([`${process.pid}@1`], signal)).toEqual([{ id: `${process.pid}@1`, ok: true }]);
  expect(isAlive(process.pid)).toBe(true);
  expect(livingPid(`${process.pid}@${startTimeOf(process.pid)}`)).toBe(process.pid);
});

test('another autoscaler on this host sees the runners, and they end when their parent is killed', async () => {
  const app = `parent-${process.pid}`;
  const module = fileURLToPath(new URL('../dist/backends/local.js', import.meta.url));
  const asked = request(app, 'work-aaaaaa-dddddddddddd');
  const parent = await startSource(
    `const { local } = await import(${JSON.stringify(module)});
     const backend = local({ command: ${JSON.stringify(FIXTURE)} });
     await backend.launch(${JSON.stringify(asked)}, AbortSignal.timeout(10000));
     console.log('launched');
     setInterval(() => {}, 1000);`,
  );
  await parent.waitForOutput(/launched/);
  const other = local({ command: FIXTURE, logger });
  const [seen] = await other.list(app, signal);
  expect(seen).toMatchObject({ runnerId: asked.runnerId, state: 'running' });
  // A replay from here finds the running one and starts nothing.
  expect((await other.launch(asked, signal)).id).toBe(seen?.id);
  const pid = livingPid(seen?.id ?? '') ?? 0;
  await parent.kill9();
  await waitFor(() => !isAlive(pid), { what: 'the runner to follow its parent' });
  await waitFor(async () => (await other.list(app, signal))[0]?.state === 'gone', { what: 'the list to know' });
  await other.close?.();
});

test('a claim whose maker died before it wrote down the pid finds the process by its environment', async () => {
  const app = `claim-${process.pid}`;
  const backend = local({ command: FIXTURE, logger });
  const asked = request(app, 'work-aaaaaa-eeeeeeeeeeee');
  const { id } = await backend.launch(asked, signal);
  const { localRegistry } = await import('../src/backends/local/registry.ts');
  const registry = localRegistry(app);
  const entry = registry.read(asked.runnerId);
  if (entry === undefined) throw new Error('no entry');
  registry.write({ ...entry, instanceId: null, owner: '999999@1' });
  expect((await local({ command: FIXTURE, logger }).launch(asked, signal)).id).toBe(id);
  expect(readFileSync(`/proc/${livingPid(id)}/environ`, 'utf8')).toContain(asked.runnerId);
  await backend.terminate([id], signal);
  await waitFor(() => livingPid(id) === undefined, { what: 'the end' });
  await backend.close?.();
});

test('a runner module that cannot be found is an invalid launch, which is definite', async () => {
  const backend = local({ command: './no-such-module.js', logger });
  await expect(backend.launch(request('none', 'work-aaaaaa-ffffffffffff'), signal)).rejects.toMatchObject({
    kind: 'invalid',
    code: 'FLAME_ERR_LAUNCH',
  });
  expect(await backend.list('none', signal)).toEqual([]);
});
