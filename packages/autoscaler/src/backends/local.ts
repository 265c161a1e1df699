/** Runners as processes of this machine: for development, and for making use of a large host. `flamejs/local` */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { logDestination } from '@flamejs/protocol/log-destination';
import {
  type Backend,
  type BackendDefaults,
  FlameLaunchError,
  type Instance,
  type LaunchRequest,
  type LongTimeout,
  setLongTimeout,
} from '@flamejs/queue';
import { deriveRelease } from '@flamejs/queue/release';
import type { Logger } from 'pino';
import { instanceEnd } from './instance-end.ts';
import { resolveClaim } from './local/claim.ts';
import { LOCAL_DEFAULTS } from './local/defaults.ts';
import { resolveEntry, rootsOf } from './local/entry.ts';
import { instanceIdOf, livingPid, runnerPid, startTimeOf } from './local/identity.ts';
import { collectOutput, type Output } from './local/output.ts';
import { type LocalEntry, localRegistry, type Registry, registriesFolder } from './local/registry.ts';
import { endGroup, endRestOfGroup, signal } from './local/signals.ts';

export interface LocalOptions {
  /** The module that is a runner, relative to `root`. Default: `flamejs/runner` of the application. */
  readonly command?: string;
  /** Arguments for it. Default none. */
  readonly args?: readonly string[];
  /** Options of node itself for the runners, such as `['--max-old-space-size=512']`. Default none. */
  readonly execArgv?: readonly string[];
  /** The application's folder and the runners' working directory. Default: that of the config file, else the present one. */
  readonly root?: string;
  /** Milliseconds between SIGTERM and SIGKILL when a runner is ended. Default 5000. */
  readonly killAfterMs?: number;
  /** Where the runners' output goes. Default: a pino logger on stdout. */
  readonly logger?: Logger;
  /** Replaces single defaults, such as `tickMs`. */
  readonly defaults?: Partial<BackendDefaults>;
}

export interface LocalBackend extends Backend {
  /** This host: its list says nothing of another host's runners. */
  readonly location: string;
  /** Its instances are not meant to outlive the autoscaler that started them: `stop()` drains and ends them. */
  readonly endsWithAutoscaler: true;
  /**
   * Ends the runners that this process started, without Redis: they drain, and what is left after `withinMs` is killed.
   * @returns the instance ids of those that had to be killed
   */
  endOwn(withinMs: number): Promise<readonly string[]>;
  /** Calls back with the pool's name when a runner of this process has ended. @returns what ends it */
  onChange(listener: (pool: string) => void): () => void;
}

/** For the rest of the output of a process that has ended. */
const LAST_WORDS_MS = 500;
/** Between two looks at whether those that are ended have ended. */
const LOOK_MS = 50;
const KILLED_MS = 400;
/** How long the list still tells why an instance ended. */
const TOMBSTONE_MS = 10 * 60_000;

/**
 * @returns a backend whose instances are child processes. They drain and end when the process that started them is gone.
 */
export const local = (options: LocalOptions = {}): LocalBackend => {
  let logger: Promise<Logger> | undefined;
  // At the first launch: every process that reads the config makes a backend, and few of them launch.
  const openLogger = (): Promise<Logger> => {
    logger ??= options.logger === undefined ? defaultLogger() : Promise.resolve(options.logger);
    return logger;
  };
  const killAfterMs = options.killAfterMs ?? 5_000;
  const location = hostname();
  const self = instanceIdOf(process.pid, startTimeOf(process.pid) ?? '');
  const registries = new Map<string, Registry>();
  const children = new Map<string, ChildProcess>();
  const stopping = new Map<string, LongTimeout>();
  /** Instances whose process groups were looked through after their end. */
  const rested = new Set<string>();
  const listeners = new Set<(pool: string) => void>();

  const registryOf = (app: string): Registry => {
    const registry = registries.get(app) ?? localRegistry(app);
    registries.set(app, registry);
    return registry;
  };

  const pidOf = (instanceId: string): number | undefined => {
    if (children.has(instanceId)) return livingPid(instanceId);
    const entries = [...registries.values()].flatMap((registry) => registry.all());
    const entry = entries.find((each) => each.instanceId === instanceId);
    return entry === undefined ? undefined : runnerPid(entry);
  };

  /** It ended while nobody of us was its parent: what it had started in its group ends with it, once. */
  const endRest = ({ runnerId }: LocalEntry, instanceId: string): void => {
    if (!rested.has(instanceId)) endRestOfGroup(instanceId, runnerId);
    rested.add(instanceId);
  };

  const instanceOf = (entry: LocalEntry, instanceId: string): Instance => {
    // A child of ours is gone when its end has been written down, and with it why.
    const gone = entry.ended !== null || (!children.has(instanceId) && runnerPid(entry) === undefined);
    if (gone && entry.ended === null) endRest(entry, instanceId);
    return {
      id: instanceId,
      runnerId: entry.runnerId,
      pool: entry.pool,
      state: gone ? 'gone' : stopping.has(instanceId) ? 'stopping' : 'running',
      launchedAt: entry.launchedAt,
      location,
      details: { pid: instanceId.split('@')[0] ?? '' },
      ...(gone ? { end: entry.ended?.end ?? instanceEnd({ told: 'the process is gone' }) } : {}),
    };
  };

  const start = (request: LaunchRequest, registry: Registry, claim: LocalEntry, log: Logger): Instance => {
    const roots = rootsOf(options.root, request.env.FLAME_CONFIG);
    const entry = resolveEntry(options.command, roots);
    const child = fork(entry, [...(options.args ?? [])], {
      cwd: roots[0] ?? process.cwd(),
      // A group of its own: a Ctrl-C of the terminal reaches the autoscaler, which ends its runners in good order.
      detached: true,
      execArgv: [...(options.execArgv ?? [])],
      // FLAME_BACKEND tells the runner that it hangs on a channel, should that be closed before it can look.
      env: { ...process.env, ...request.env, ...request.secrets, FLAME_BACKEND: 'local' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const startedAs = child.pid === undefined ? undefined : startTimeOf(child.pid);
    if (child.pid === undefined || child.stdout === null || child.stderr === null) {
      child.on('error', () => undefined);
      throw new FlameLaunchError(`local(): ${process.execPath} cannot be started`, { kind: 'invalid' });
    }
    const started: LocalEntry = { ...claim, instanceId: instanceIdOf(child.pid, startedAs ?? 'gone') };
    registry.write(started);
    children.set(started.instanceId ?? '', child);
    const output = collectOutput(child.stdout, child.stderr, log.child({ runnerId: claim.runnerId, pool: claim.pool }));
    follow(child, started, registry, output, log);
    return instanceOf(started, started.instanceId ?? '');
  };

  const follow = (child: ChildProcess, entry: LocalEntry, registry: Registry, output: Output, log: Logger): void => {
    const id = entry.instanceId ?? '';
    child.on('error', (error) => log.warn({ err: error, runnerId: entry.runnerId }, 'a local runner'));
    // 'exit' may come before its last words do. 'close' may never come: something it left behind may hold the pipes.
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.once('exit', async (code, signal) => {
      stopping.get(id)?.clear();
      stopping.delete(id);
      // What it has started in its group ends with it, however it ended.
      if (child.pid !== undefined) endGroup(child.pid);
      await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
      children.delete(id);
      const how = signal === null ? { exitCode: code ?? 0 } : { signal };
      registry.write({ ...entry, ended: { at: Date.now(), end: instanceEnd({ ...how, output: output.tail() }) } });
      for (const listener of listeners) listener(entry.pool);
    });
  };

  const end = (instanceId: string): void => {
    const pid = pidOf(instanceId);
    if (pid === undefined || stopping.has(instanceId)) return;
    signal(pid, 'SIGTERM');
    const hard = setLongTimeout(() => {
      stopping.delete(instanceId);
      kill(instanceId);
    }, killAfterMs);
    stopping.set(instanceId, hard);
  };

  const kill = (instanceId: string): void => {
    const pid = pidOf(instanceId);
    if (pid === undefined) return;
    endGroup(pid);
    signal(pid, 'SIGKILL');
  };

  /** Their channel closes: they finish what they have and end. */
  const letGo = (): void => {
    for (const child of children.values()) if (child.connected) child.disconnect();
  };

  return {
    name: 'local',
    location,
    endsWithAutoscaler: true,
    sharesDisk: true,
    defaults: { ...LOCAL_DEFAULTS, ...options.defaults },
    async launch(request) {
      const log = await openLogger();
      const registry = registryOf(request.app);
      const claim: LocalEntry = {
        runnerId: request.runnerId,
        pool: request.pool,
        owner: self,
        instanceId: null,
        launchedAt: Date.now(),
        ended: null,
      };
      if (!registry.claim(claim)) {
        const known = registry.read(request.runnerId);
        const resolved = known === undefined ? undefined : resolveClaim(self, registry, known);
        if (resolved?.instanceId != null) return instanceOf(resolved, resolved.instanceId);
        if (!registry.claim(claim)) {
          throw new FlameLaunchError(`local(): ${request.runnerId} is being started by another process`, {
            kind: 'unknown',
          });
        }
      }
      try {
        return start(request, registry, claim, log);
      } catch (error) {
        registry.remove(request.runnerId);
        throw error;
      }
    },
    async list(app) {
      const registry = registryOf(app);
      const now = Date.now();
      return registry.all().flatMap((entry): Instance[] => {
        const resolved = resolveClaim(self, registry, entry);
        if (resolved?.instanceId == null) return [];
        const instance = instanceOf(resolved, resolved.instanceId);
        if (instance.state === 'gone' && now - (resolved.ended?.at ?? resolved.launchedAt) > TOMBSTONE_MS) {
          registry.remove(resolved.runnerId);
        }
        return [instance];
      });
    },
    async terminate(ids) {
      return ids.map((id) => {
        try {
          end(id);
          return { id, ok: true };
        } catch (error) {
          return { id, ok: false, error: error instanceof Error ? error.message : String(error) };
        }
      });
    },
    /** A new process loads what is on the disk by then. */
    boots: (release, root) => process.env.FLAME_RELEASE === undefined && release === deriveRelease(root),
    async check() {
      resolveEntry(options.command, rootsOf(options.root, undefined));
      registriesFolder();
    },
    async endOwn(withinMs) {
      letGo();
      const living = (): readonly string[] => [...children.keys()].filter((id) => livingPid(id) !== undefined);
      const untilNone = async (ms: number): Promise<readonly string[]> => {
        const until = performance.now() + ms;
        while (living().length > 0 && performance.now() < until) await sleep(LOOK_MS);
        return living();
      };
      const left = await untilNone(withinMs);
      for (const id of left) kill(id);
      // Nothing survives SIGKILL, but the kernel takes a moment.
      await untilNone(KILLED_MS);
      return left;
    },
    async close() {
      letGo();
      for (const child of children.values()) {
        child.unref();
        // Left open, for a runner that writes to a closed pipe would die of it; but nothing waits for them.
        for (const stream of [child.stdout, child.stderr]) if (stream instanceof Socket) stream.unref();
      }
      for (const [id, timer] of stopping) {
        timer.clear();
        kill(id);
      }
      stopping.clear();
      for (const registry of registries.values()) registry.tidy();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};

const defaultLogger = async (): Promise<Logger> => {
  const { pino } = await import('pino');
  return pino({ name: 'flame-local' }, logDestination() ?? pino.destination(1));
};
