/** How an instance ended, in the words of its provider, from the backend to the event. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { startFakeDocker } from '../../../tests/fake-docker/index.ts';
import { FLY_TOKEN, startFakeFly } from '../../../tests/fake-fly/index.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { docker } from '../src/backends/docker/index.ts';
import { fly } from '../src/backends/fly/index.ts';
import { describeEnd, instanceEnd } from '../src/backends/instance-end.ts';
import { livingPid } from '../src/backends/local/identity.ts';
import { local } from '../src/backends/local.ts';
import { FIXTURE, startApp } from './support/app.ts';

const signal = AbortSignal.timeout(60_000);
const request = (runnerId: string, fixture: object = { never: true }) => ({
  app: `ends-${process.pid}`,
  pool: 'work',
  runnerId,
  attempt: 1,
  release: 'r1',
  maxConcurrency: 1,
  env: { FLAME_RUNNER_ID: runnerId, FLAME_POOL: 'work', FIXTURE: JSON.stringify(fixture) },
  secrets: {},
});
const RUNNER = 'work-aaaaaa-dddddddddddd';

describe('C-33 how an instance ended', () => {
  test('C-33: log records become their messages, credentials are left out, half a record says nothing', () => {
    const output = [
      '"level":30,"msg":"cut at its beginning"}',
      '{"level":30,"time":1,"pid":2,"msg":"runner started"}',
      '{"level":60,"time":1,"msg":"the runner could not start","err":{"type":"Error","message":"no such module","stack":"…"}}',
      'password=hunter2',
    ].join('\n');
    const end = instanceEnd({ exitCode: 1, output });
    expect(describeEnd(end)).toMatch(
      /^exited with code 1: runner started\nthe runner could not start: no such module\npassword=(?!hunter2)/s,
    );
    expect(describeEnd(end)).not.toContain('"level"');
    expect(describeEnd(instanceEnd({ exitCode: 0, output: 'bye' }))).toBe('exited with code 0');
  });

  test('C-33: memory that ran out is told from a signal like any other', () => {
    const heap = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
    expect(instanceEnd({ signal: 'SIGABRT', output: heap })).toMatchObject({
      reason: 'out of memory (ended by SIGABRT)',
      outOfMemory: true,
    });
    expect(instanceEnd({ signal: 'SIGABRT' })).toEqual({ signal: 'SIGABRT', reason: 'ended by SIGABRT' });
    expect(instanceEnd({ told: 'Server.SpotInstanceTermination: taken back' }).reason).toMatch(/^Server.Spot/);
  });

  test('C-33: of a local process the signal', async () => {
    const backend = local({ command: FIXTURE, logger: pino({ level: 'silent' }) });
    const asked = request(RUNNER);
    const { id } = await backend.launch(asked, signal);
    process.kill(livingPid(id) ?? 0, 'SIGKILL');
    const gone = await waitFor(async () => (await backend.list(asked.app, signal)).find((i) => i.state === 'gone'), {
      what: 'its end',
    });
    expect(gone.end).toMatchObject({ reason: 'ended by SIGKILL', signal: 'SIGKILL' });
    await backend.close?.();
  });

  test('C-33: of a container the code, the kernel’s reason and its last lines', async () => {
    const engine = await startFakeDocker();
    try {
      const backend = docker({ image: 'shop:1', host: engine.host });
      const asked = request(RUNNER);
      const { id } = await backend.launch(asked, signal);
      engine.exit(id, 137, { outOfMemory: true, output: 'resizing a very large image\n' });
      for (let look = 0; look < 2; look += 1) {
        const [gone] = await backend.list(asked.app, signal);
        expect(gone?.state).toBe('gone');
        expect(gone?.end && describeEnd(gone.end)).toBe(
          'out of memory (ended by SIGKILL): resizing a very large image',
        );
      }
      // Its output is asked for once.
      expect(engine.requests.filter((line) => line.includes('/logs'))).toHaveLength(1);
    } finally {
      await engine.close();
    }
  });

  test('C-33: of a Fly machine that has left the list, what its last event says', async () => {
    const cloud = await startFakeFly();
    try {
      const options = { app: 'shop-fly', image: 'registry.fly.io/shop:42', regions: ['fra'], token: FLY_TOKEN };
      const backend = fly({ ...options, endpoint: cloud.endpoint });
      const asked = request(RUNNER);
      const { id } = await backend.launch(asked, signal);
      await backend.list(asked.app, signal);
      cloud.exit(id, { exit_code: 137, oom_killed: true });
      const [gone] = await backend.list(asked.app, signal);
      expect(gone).toMatchObject({ id, state: 'gone', end: { outOfMemory: true, exitCode: 137 } });
      const asks = () => cloud.requests.filter((line) => line.includes(`/${id} `)).length;
      const before = asks();
      expect(await backend.list(asked.app, signal)).toHaveLength(1);
      expect(asks()).toBe(before);
    } finally {
      await cloud.close();
    }
  });

  test('C-33: a runner that is killed is an event in words, with the signal among its details', async () => {
    await using app = await startApp({ min: 1, max: 1 });
    await app.autoscaler.start();
    await app.waitForReady(1);
    const [record] = await app.ready();
    process.kill(livingPid(record?.instanceId ?? '') ?? 0, 'SIGKILL');
    const lost = await waitFor(async () => (await app.events()).find(({ type }) => type === 'runner.lost'), {
      what: 'the event',
      found: app.events,
    });
    expect(lost.reason).toBe('ended by SIGKILL');
    expect(JSON.parse(lost.details ?? '{}')).toMatchObject({ signal: 'SIGKILL' });
    // What the dashboard and `flame runners` show of it afterwards.
    const shown = () => app.client.hget(app.keys.runner(record?.runnerId ?? ''), 'reason');
    await waitFor(async () => (await shown()) === 'ended by SIGKILL', { what: 'its record', found: shown });
  });
});
