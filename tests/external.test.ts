/** A pool with external(), for real: an autoscaler, a platform that asks it over HTTP and starts and ends runner processes, and calls. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APP_FOLDER, type Fleet, startFleet, tasks } from './support/fleet.ts';
import { freePort } from './support/free-port.ts';
import { startNode, type TestProcess } from './support/processes.ts';
import { waitFor } from './support/wait-for.ts';

const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const DEFAULTS = {
  ...{ bootTimeoutMs: 60_000, idleShutdownAfterMs: 2_000, tickMs: 500, fastTickMs: 200, launchesPerTick: 1 },
  ...{ heartbeatTimeoutMs: 60_000, failsafeTimeoutMs: 60_000 },
};
const MAX = 3;
const backend = { name: 'external', scaledBy: 'platform', defaults: DEFAULTS };
const pools = { main: { backend, max: MAX, maxConcurrency: 2, shutdownTimeout: '1s', timeout: '20s' } };

let fleet: Fleet;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flame-external-'));
  fleet = await startFleet({ pools: pools as never });
});
afterAll(async () => {
  await fleet.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Asks now and then, starts one too many at times, ends the oldest one first, and keeps what it has when it hears an error. */
const startPlatform = (port: number) => {
  const pods = new Map<string, TestProcess>();
  const leaving = new Set<TestProcess>();
  /** Pods that were told to end, or killed. */
  const ended = new Set<string>();
  const heard: (number | 'error')[] = [];
  let replicas = 0;
  let made = 0;
  let stopped = false;

  const ask = async (): Promise<void> => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/pools/main`);
      const { wanted } = (await response.json()) as { wanted?: number };
      heard.push(response.ok && wanted !== undefined ? wanted : 'error');
      if (response.ok && wanted !== undefined) replicas = wanted;
    } catch {
      heard.push('error');
    }
  };
  const start = async (): Promise<void> => {
    made += 1;
    const name = `pod${made}`;
    const env = {
      ...fleet.env,
      FLAME_POOL: 'main',
      FLAME_POD_NAME: name,
      FLAME_RUNNER_ID: undefined,
      FLAME_RELEASE: 'test',
    };
    pods.set(name, await startNode(RUNNER_MAIN, { cwd: APP_FOLDER, env }));
  };
  const end = (name: string, signal: NodeJS.Signals): void => {
    const pod = pods.get(name);
    if (pod === undefined) return;
    pods.delete(name);
    ended.add(name);
    leaving.add(pod);
    pod.signal(signal);
    void pod.exited.then(() => leaving.delete(pod));
  };
  const turn = async (): Promise<void> => {
    await ask();
    for (let n = pods.size; n < replicas + (replicas > 0 && made % 3 === 0 ? 1 : 0); n += 1) await start();
    for (const name of [...pods.keys()].slice(0, Math.max(0, pods.size - replicas - 1))) end(name, 'SIGTERM');
  };
  const running = (async () => {
    while (!stopped) {
      await turn();
      await sleep(400); // a platform asks now and then
    }
  })();
  return {
    ...{ pods, ended, heard, end },
    async stop() {
      stopped = true;
      await running;
      const all = [...pods.values(), ...leaving];
      await Promise.all(all.map((pod) => pod.stop()));
    },
  };
};

const podOf = (runnerId: string): string => runnerId.replace(/-[0-9a-f]{8}$/, '');

const busyPod = async (pods: ReadonlyMap<string, unknown>): Promise<string | undefined> => {
  const { queue } = fleet.keys();
  const running = await fleet.client.lrange(`${queue}active`, 0, -1);
  const runners = await Promise.all(running.map((id) => fleet.client.hget(`${queue}${id}`, 'f:run')));
  return runners.map((runnerId) => podOf(runnerId ?? '')).find((pod) => pods.has(pod));
};

test('EX-05 no call is lost while a platform starts, ends and kills runners, and what ran twice ran on one that was ended', async () => {
  const port = await freePort();
  process.env.FLAME_SCALER_PORT = String(port);
  const autoscaler = await fleet.autoscaler();
  delete process.env.FLAME_SCALER_PORT;
  const platform = startPlatform(port);
  try {
    const file = join(folder, 'effects');
    const handles = await Promise.all(
      Array.from({ length: 60 }, (_, i) => fleet.flame.cast(tasks.effect, file, 500 + (i % 7) * 200, i)),
    );
    for (let kill = 0; kill < 4; kill += 1) {
      let pod: string | undefined;
      const isBusy = async (): Promise<boolean> => {
        pod = await busyPod(platform.pods);
        return pod !== undefined;
      };
      await waitFor(isBusy, {
        what: 'a call to run on a pod that nobody has ended',
        timeoutMs: 60_000,
        everyMs: 20,
      });
      platform.end(pod ?? '', kill % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    }
    const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '90s' })));
    expect(results).toEqual(handles.map((_, i) => i));

    const runs = await Promise.all(handles.map((handle) => handle.status()));
    const again = runs.flatMap(({ history }) => history.map(({ runnerId }) => runnerId));
    const starts = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('start')).length;
    // Each of these was told of the attempt before it.
    expect(starts).toBeGreaterThanOrEqual(60);
    expect(again.length).toBeGreaterThanOrEqual(starts - 60);
    expect(again.filter((runnerId) => !platform.ended.has(podOf(runnerId)))).toEqual([]);
    expect(platform.ended.size).toBeGreaterThanOrEqual(4);
    expect(again.length).toBeGreaterThan(0);
    const numbers = platform.heard.filter((it) => it !== 'error');
    expect(Math.max(...numbers)).toBe(MAX);
    expect(numbers.every((wanted) => wanted >= 0 && wanted <= MAX)).toBe(true);

    // Nothing is to be done: the number falls, and the rest is parked until the platform ends it.
    await waitFor(() => platform.heard.at(-1) === 0, { what: 'the number to fall', timeoutMs: 60_000 });
    expect(autoscaler.status().pools.main?.platform).toMatchObject({ wanted: 0 });
  } finally {
    await platform.stop();
  }
});
