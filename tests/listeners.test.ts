/** What listens on the network: the dashboard, and who answers platforms when told to, on loopback, and nothing else. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFlame } from './cli/flame.ts';
import { type Fleet, startFleet, tasks } from './support/fleet.ts';
import { freePort } from './support/free-port.ts';

const noProc = process.platform === 'linux' ? undefined : 'it looks into /proc, which only Linux has';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ env: { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) } });
});
afterAll(() => fleet.stop());

test.skipIf(noProc !== undefined)(
  `S-16 runner, executors and autoscaler listen nowhere; the dashboard, and what answers platforms, on loopback only${noProc === undefined ? '' : ` (skipped: ${noProc})`}`,
  async () => {
    const port = await freePort();
    await using dashboard = await startFlame(['dashboard', '--port', String(port)], { env: fleet.env });
    await dashboard.waitForOutput(/dashboard of app/);
    await using autoscaler = await startFlame(['autoscaler'], { env: fleet.env });
    const [http, grpc] = [await freePort(), await freePort()];
    const asked = { FLAME_SCALER_PORT: String(http), FLAME_SCALER_GRPC_PORT: String(grpc) };
    await using answering = await startFlame(['autoscaler'], { env: { ...fleet.env, ...asked } });
    await answering.waitForOutput(/platforms may ask for their number/);
    const runner = await fleet.runner();
    // Executors and whatever else comes up with work.
    await fleet.flame.call(tasks.echo, 1);
    expect(listenersOf(dashboard.pid)).toEqual([`127.0.0.1:${port}`]);
    expect([...listenersOf(answering.pid)].sort()).toEqual([`127.0.0.1:${http}`, `127.0.0.1:${grpc}`].sort());
    expect(family(runner.process.pid).length).toBeGreaterThan(1);
    for (const pid of [autoscaler.pid, runner.process.pid]) expect(listenersOf(pid)).toEqual([]);
    expect(autoscaler.alive() && runner.process.alive()).toBe(true);
  },
);

/** A process and all that it has started. */
const family = (root: number): readonly number[] => {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended.
    }
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
};

/** As `ss -ltn` says it, of one family of processes. */
const listenersOf = (root: number): readonly string[] => {
  const inodes = new Set(family(root).flatMap(socketsOf));
  return ['tcp', 'tcp6'].flatMap((protocol) =>
    readFileSync(`/proc/net/${protocol}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN && inodes.has(fields[9] ?? ''))
      .map((fields) => addressOf(fields[1] ?? '')),
  );
};

const LISTEN = '0A';

const socketsOf = (pid: number): readonly string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
};

/** `0100007F:1F90` is 127.0.0.1:8080; an IPv6 address stays as the kernel writes it. */
const addressOf = (text: string): string => {
  const [host = '', port = ''] = text.split(':');
  const bytes = host.match(/../g) ?? [];
  const address =
    bytes.length === 4
      ? [...bytes]
          .reverse()
          .map((byte) => Number.parseInt(byte, 16))
          .join('.')
      : host;
  return `${address}:${Number.parseInt(port, 16)}`;
};
