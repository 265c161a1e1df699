/** A runner's executors: kept warm, handed one call at a time, replaced when they end. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlameBootError } from '@flamejs/queue/internal';
import { deferred } from '../deferred.ts';
import { type BootFailure, createExecutor, type Executor, type ExecutorEvents } from './executor.ts';
import { executorEnv, missedEnvAdvice } from './executor-env.ts';
import { executorLinks } from './executor-start.ts';
import { endsWithRunner, type Janitor, startJanitor } from './janitor.ts';
import { watchMemory } from './memory-watch.ts';
import { watchOomKills } from './oom-kills.ts';
import { spawnBackoffMs } from './spawn-backoff.ts';
import { createTicket, type Ticket } from './ticket.ts';
import type { ExecutorPool, ExecutorPoolOptions } from './types.ts';

const DEFAULT_SPARE = 1;
const DEFAULT_BOOT_TIMEOUT_MS = 60_000;
const DEFAULT_START_TIMEOUT_MS = 15_000;
/** More at once would only slow each other down, and the calls that already run. */
const BOOTS_AT_ONCE = Math.min(4, Math.max(2, availableParallelism()));
/** Executors in a row that do not come up although others did, until that is what is told to the calls that wait. */
const BOOT_FAILURES = 5;
/** A call whose executors are lost before they begin it moves on so often. */
const MOVES = 3;
/** For the exit handlers of an executor that is no longer needed. */
const RETIRE_GRACE_MS = 1_000;

/**
 * @returns a pool that has not started anything yet.
 * @throws FlameConfigError when a module is TypeScript and nothing here can load it.
 */
export const createExecutorPool = (options: ExecutorPoolOptions): ExecutorPool => {
  const { slots, isolation, memoryLimit, logger } = options;
  const spare = options.spare ?? DEFAULT_SPARE;
  const maxCalls = options.maxCallsPerExecutor ?? Number.POSITIVE_INFINITY;
  const family = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const executors = new Set<Executor>();
  const idle: Executor[] = [];
  const waiting: Ticket[] = [];
  /** Neither waiting nor running: whether they may begin is being asked. */
  const doubtful = new Set<Ticket>();
  const running = new Set<Ticket>();
  let modulesFailed = false;
  let tempRoot: string | undefined;
  let janitor: Janitor | undefined;
  let spawned = 0;
  /** Most executors that were ever ready at the same time. */
  let width = 0;
  /** Executors in a row that ended without having done anything. */
  let failures = 0;
  let backoff: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;
  let closed = false;
  const firstBoot = deferred<void>();
  // Nobody has to wait for the start.
  firstBoot.promise.catch(() => {});

  // Parsed once, so that a missing loader is reported before anything is taken off the queue.
  const environment = executorEnv({
    own: process.env,
    env: options.env ?? {},
    passEnv: options.passEnv ?? [],
    secrets: options.secrets ?? { keys: [], others: [] },
  });
  const { withheld } = environment;
  const oomKills = watchOomKills(options.cgroup);
  const open = executorLinks(options, environment);
  /** Variables that were warned of. */
  const warned = new Set<string>();
  const tempDirOf = (mark: string): string => {
    tempRoot ??= mkdtempSync(join(options.env?.TMPDIR ?? tmpdir(), 'flame-executors-'));
    return join(tempRoot, mark);
  };

  /** What counts against `slots + spare`: a boot that fails counts until it has ended, so that its backoff applies. */
  const counted = (): readonly Executor[] => [...executors].filter((each) => each.state !== 'ending' || !each.wasReady);
  const booting = (): number => counted().filter((each) => !each.wasReady).length;

  const fill = (): void => {
    const atOnce = width > 0 && failures === 0 ? BOOTS_AT_ONCE : 1;
    while (!closed && backoff === undefined && counted().length < slots + spare && booting() < atOnce) spawn();
  };

  const spawn = (): void => {
    spawned += 1;
    const mark = `${family}-${spawned}`;
    const tempDir = tempDirOf(mark);
    if (tempRoot !== undefined && isolation === 'process' && endsWithRunner())
      janitor ??= startJanitor(family, tempRoot);
    const executor = createExecutor(
      {
        mark,
        open,
        modules: options.modules,
        functions: options.functions ?? [],
        root: options.root ?? process.cwd(),
        release: options.release,
        tempDir,
        startTimeoutMs: options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS,
        bootTimeoutMs: options.bootTimeoutMs ?? DEFAULT_BOOT_TIMEOUT_MS,
        memoryLimit,
        oomKills,
        withheld,
        configFile: options.configFile,
        keep: options.keep ?? [],
        onLog: options.onLog,
      },
      events,
    );
    executors.add(executor);
    if (executor.pid !== undefined) janitor?.started(executor.pid);
    logger.debug({ executor: mark, pid: executor.pid }, 'executor started');
  };

  const widen = (): void => {
    const up = [...executors].filter((each) => each.wasReady && each.state !== 'ending').length;
    if (up <= width) return;
    width = up;
    options.onWidth?.(width);
  };

  const events: ExecutorEvents = {
    onIdle: (executor) => {
      widen();
      firstBoot.resolve();
      if (executor.calls > 0) failures = 0;
      if (executor.calls >= maxCalls) executor.retire(RETIRE_GRACE_MS);
      else idle.push(executor);
      advance();
    },
    onLost: (executor, why) => {
      const at = idle.indexOf(executor);
      if (at !== -1) idle.splice(at, 1);
      logger.debug({ executor: executor.mark, pid: executor.pid, why }, 'executor lost');
      fill();
    },
    onMissedEnv: (name) => {
      const wayIn = withheld.get(name);
      if (wayIn === undefined || warned.has(name)) return;
      warned.add(name);
      const advice = missedEnvAdvice(name, wayIn);
      logger.warn({ variable: name }, advice);
      options.onMissedEnv?.(name, advice);
    },
    onEnvDoubt: (name) => {
      if (warned.has(name)) return;
      warned.add(name);
      logger.warn(
        { variable: name },
        `${name} was set during a call and is put back after it: if a module sets it while it loads, import that module at the top of one of \`functions\``,
      );
    },
    onLeft: (left) => {
      const { functionName, what } = left;
      logger.warn(left, `a call of ${functionName} has left ${what}: its executor is replaced`);
      options.onLeft?.(left);
    },
    onEnded: (executor, bootFailure) => {
      executors.delete(executor);
      if (executor.pid !== undefined) janitor?.ended(executor.pid);
      void rm(tempDirOf(executor.mark), { recursive: true, force: true }).catch(() => {});
      if (closed) return;
      if (executor.calls === 0) retreat(bootFailure?.message ?? 'an executor ended before its first call');
      if (bootFailure !== undefined) reportBootFailure(bootFailure);
      fill();
    },
  };

  const retreat = (reason: string): void => {
    failures += 1;
    const delayMs = spawnBackoffMs(failures);
    logger.warn({ reason, failures, delayMs }, 'executor did not come up; trying again');
    clearTimeout(backoff);
    backoff = setTimeout(() => {
      backoff = undefined;
      fill();
    }, delayMs);
  };

  const reportBootFailure = ({ message, byModule }: BootFailure): void => {
    modulesFailed = byModule;
    firstBoot.reject(new FlameBootError(message, { reason: message }));
    // As long as one executor lives or comes up, calls wait for it; and where some have come up, one that did not may have
    // been killed by somebody.
    if (counted().length > 0 || (width > 0 && failures < BOOT_FAILURES)) return;
    for (const ticket of waiting.splice(0)) ticket.settle({ kind: 'boot-failed', message });
  };

  const advance = (): void => {
    while (running.size < slots && idle.length > 0) {
      const ticket = waiting.shift();
      if (ticket === undefined) break;
      if (ticket.settled || inDoubt(ticket)) continue;
      // The one used last has the warmest caches.
      const executor = idle.pop();
      if (executor !== undefined) assign(ticket, executor);
    }
    fill();
  };

  /** It comes back to the head of those who wait once it is known whether it may begin. */
  const inDoubt = (ticket: Ticket): boolean => {
    const answer = ticket.listener.beforeStart?.();
    if (answer === undefined) return false;
    doubtful.add(ticket);
    void answer.then(() => {
      doubtful.delete(ticket);
      if (ticket.settled) return;
      waiting.unshift(ticket);
      advance();
    });
    return true;
  };

  const assign = (ticket: Ticket, executor: Executor): void => {
    running.add(ticket);
    ticket.run = executor.run(ticket.execution, ticket.listener, (result) => {
      running.delete(ticket);
      if (result !== undefined) ticket.settle(result);
      else move(ticket);
      advance();
    });
  };

  /** Its executor was lost before it had begun. */
  const move = (ticket: Ticket): void => {
    ticket.run = undefined;
    ticket.misses += 1;
    if (closed) ticket.settle({ kind: 'abandoned', started: false });
    else if (ticket.misses <= MOVES) waiting.unshift(ticket);
    else {
      const message = `${ticket.misses} executors were lost before they had begun it`;
      ticket.settle({ kind: 'late-fault', message, started: false });
    }
  };

  const memory =
    memoryLimit === undefined || isolation === 'thread'
      ? undefined
      : watchMemory(
          () => [...executors].flatMap(({ pid, wasReady }) => (pid === undefined || !wasReady ? [] : [pid])),
          (pid, bytes) => [...executors].find((each) => each.pid === pid)?.onMeasured(bytes),
        );

  const close = async (): Promise<void> => {
    closed = true;
    clearTimeout(backoff);
    memory?.stop();
    oomKills.stop();
    for (const ticket of waiting.splice(0)) ticket.handle.abandon();
    for (const ticket of doubtful) ticket.handle.abandon();
    for (const ticket of running) ticket.handle.abandon();
    for (const executor of executors) {
      if (executor.state === 'idle') executor.retire(RETIRE_GRACE_MS);
      else executor.kill();
    }
    await Promise.all([...executors].map((executor) => executor.ended));
    firstBoot.reject(new FlameBootError('the pool was closed while it started', { reason: 'closed' }));
    if (tempRoot !== undefined) await rm(tempRoot, { recursive: true, force: true });
    await janitor?.close();
  };

  return {
    size: slots,
    get active() {
      return running.size + [...waiting, ...doubtful].filter((ticket) => !ticket.settled).length;
    },
    get pids() {
      return [...executors].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    },
    get modulesFailed() {
      return modulesFailed;
    },
    start: () => {
      fill();
      return firstBoot.promise;
    },
    execute: (execution, listener = {}) => {
      const ticket = createTicket(execution, listener);
      if (closed) ticket.handle.abandon();
      else {
        waiting.push(ticket);
        advance();
      }
      return ticket.handle;
    },
    drain: (reason) => {
      for (const executor of executors) executor.drain(reason);
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
};
