/** One executor as its pool sees it: it boots, takes one call after the other, and ends. */
import { setLongTimeout } from '@flamejs/queue/internal';
import { createLazyTimer } from '../lazy-timer.ts';
import { classifyEnd, describeBootEnd } from './classify-end.ts';
import { missedEnvAdvice, type WayIn } from './executor-env.ts';
import { createLineSink, type LineSink, type OnLine } from './line-sink.ts';
import type { Link, LinkEnd, OpenLink } from './link.ts';
import { ownBytesNow, residentBytes } from './memory-watch.ts';
import { callMessage, type FromExecutor, type Kept, parseFromExecutor } from './messages.ts';
import type { OomKills } from './oom-kills.ts';
import { createOutputRouter } from './output-router.ts';
import { type Run, type RunHost, startRun } from './run.ts';
import { createSettling } from './settling.ts';
import type { Execution, ExecutionListener } from './types.ts';

export type ExecutorState = 'booting' | 'idle' | 'busy' | 'ending';

export interface Executor {
  readonly mark: string;
  readonly pid: number | undefined;
  readonly state: ExecutorState;
  /** Whether it has finished booting, at any time. */
  readonly wasReady: boolean;
  /** Calls that it has taken. */
  readonly calls: number;
  /** Only when idle. */
  run(execution: Execution, listener: ExecutionListener, onResult: RunHost['onResult']): Run;
  /** Its resident memory was measured. */
  onMeasured(bytes: number): void;
  /** Tells the call that it runs, if any, that the runner takes no more. */
  drain(reason: string): void;
  /** Asks it to run its exit handlers, and kills it `graceMs` later. */
  retire(graceMs: number): void;
  kill(): void;
  /** Resolves when it and what it started are dead. */
  readonly ended: Promise<void>;
}

export interface ExecutorSetup {
  readonly mark: string;
  readonly open: OpenLink;
  readonly modules: readonly string[];
  readonly functions: readonly string[];
  readonly root: string;
  readonly release: string | undefined;
  readonly tempDir: string;
  readonly withheld: ReadonlyMap<string, WayIn>;
  readonly configFile: string | undefined;
  readonly keep: readonly Kept[];
  readonly bootTimeoutMs: number;
  readonly startTimeoutMs: number;
  readonly memoryLimit: number | undefined;
  readonly oomKills: Pick<OomKills, 'take' | 'limitBytes'>;
  readonly onLog: OnLine | undefined;
}

export interface BootFailure {
  readonly message: string;
  /** A module threw while it was loaded: it will again. */
  readonly byModule: boolean;
}

export interface ExecutorEvents {
  /** It is idle: after its boot, and after each call that has left it usable. */
  onIdle(executor: Executor): void;
  /** It will take no further call; a replacement can be started. Comes before `onEnded`. */
  onLost(executor: Executor, why: string): void;
  /** Code of the application has read a variable that is withheld from it. */
  onMissedEnv(name: string): void;
  /** A variable was put back after a call, although a module may have set it for good. */
  onEnvDoubt(name: string): void;
  /** It is replaced for what a call has left in it. */
  onLeft(left: { readonly functionName: string; readonly what: string }): void;
  /** It is dead. `bootFailure` says why when it had never become ready. */
  onEnded(executor: Executor, bootFailure: BootFailure | undefined): void;
}

/** Between calls an executor above this share of its limit is replaced, lest the next pay for what earlier ones kept … */
const STALE_SHARE = 0.7;
/** … but not one that needed nearly as much before its first call. */
const STALE_GROWTH = 1.25;

export const createExecutor = (setup: ExecutorSetup, events: ExecutorEvents): Executor => {
  const { mark, memoryLimit } = setup;
  let state: ExecutorState = 'booting';
  let run: Run | undefined;
  let runSink: LineSink | undefined;
  let calls = 0;
  let ready = false;
  let heapLimit: number | undefined;
  let usedBytes: number | undefined;
  let freshBytes = 0;
  let bootFailure: BootFailure | undefined;
  /** Variables that were read while it booted and are withheld from it. */
  const missed = new Set<string>();
  let resolveEnded: () => void;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const background = createLineSink(setup.onLog, Number.POSITIVE_INFINITY);
  const output = createOutputRouter(background);

  const lose = (why: string): void => {
    if (state === 'ending') return;
    state = 'ending';
    bootTimer.clear();
    events.onLost(self, why);
  };
  const kill = (why: string): void => {
    lose(why);
    link.kill();
  };

  const beIdle = (): void => {
    state = 'idle';
    events.onIdle(self);
  };

  const beFree = (): void => {
    if (isSuspect()) void settleDown();
    else beIdle();
  };

  /** Calls that follow each other closely leave no idle moment in which it would be noticed, and may be many a second. */
  const isSuspect = (): boolean => {
    if (memoryLimit === undefined || link.pid === undefined) return false;
    return Math.max(usedBytes ?? 0, ownBytesNow(link.pid) ?? 0) > memoryLimit * STALE_SHARE;
  };

  /** What its last call needed may be free again, or be kept: only what is kept counts. */
  const settleDown = async (): Promise<void> => {
    const bytes = await measure();
    if (state !== 'busy') return;
    if (bytes !== undefined) replaceIfStale(bytes);
    if (state === 'busy') beIdle();
  };

  const noteFresh = async (): Promise<void> => {
    freshBytes = (await measure()) ?? 0;
  };

  const measure = async (): Promise<number | undefined> => {
    if (link.pid === undefined) return undefined;
    const bytes = await residentBytes(link.pid);
    usedBytes = bytes ?? usedBytes;
    return bytes;
  };

  const settling = createSettling((functionName, what) => {
    if (state !== 'busy') return;
    events.onLeft({ functionName, what });
    kill(`a call of ${functionName} has left ${what}`);
  });

  const replaceIfStale = (bytes: number): void => {
    if (memoryLimit !== undefined && isStale(bytes, freshBytes, memoryLimit))
      kill(`it keeps ${bytes} bytes between calls`);
  };

  const onMessage = (raw: unknown): void => {
    const message = parseFromExecutor(raw);
    if (message !== undefined) receive(message);
  };
  const receive = (message: FromExecutor): void => {
    switch (message.t) {
      case 'ready':
        if (state !== 'booting') return;
        bootTimer.clear();
        ready = true;
        heapLimit = message.heapLimit;
        state = 'idle';
        if (memoryLimit !== undefined) void noteFresh();
        events.onIdle(self);
        return;
      case 'boot-failed':
        if (!ready) bootFailure ??= { message: message.message, byModule: true };
        return;
      case 'missed-env':
        if (!ready) missed.add(message.name);
        if (!message.inConfig) events.onMissedEnv(message.name);
        return;
      case 'env-doubt':
        events.onEnvDoubt(message.name);
        return;
      case 'clean':
      case 'left':
        if (settling.onMessage(message) && state === 'busy') beFree();
        return;
      case 'stale':
        if (message.seq === run?.seq) run.stop({ kind: 'stale', message: message.message });
        kill(message.message);
        return;
      case 'late-fault':
        run?.stop({ kind: 'late-fault', message: message.message, started: run.started });
        kill(`a fault of a call that had ended: ${message.message}`);
        return;
      default:
        // What belongs to an earlier call is late, and changes nothing.
        if (message.seq === run?.seq) run.onMessage(message);
    }
  };

  const timer = createLazyTimer();
  const stopCall = (): void => kill('its call was stopped');

  const onEnd = (end: LinkEnd): void => {
    settling.stop();
    timer.stop();
    lose(`it ended (${end.signal ?? `exit code ${end.exitCode}`})`);
    const stderr = (runSink ?? background).stderrTail();
    run?.onEnd(() => classifyEnd({ end, stderr, memoryLimit, heapLimit, usedBytes, oomKills: setup.oomKills }));
    const failure = bootFailure ?? { message: describeBootEnd(end, stderr), byModule: false };
    events.onEnded(self, ready ? undefined : withMissed(failure));
    resolveEnded();
  };

  /** What is missing is often why a module does not load. */
  const withMissed = ({ message, byModule }: BootFailure): BootFailure => {
    const advice = [...missed].map((name) => missedEnvAdvice(name, setup.withheld.get(name) ?? 'passEnv'));
    return { message: [message, ...advice].join('\n'), byModule };
  };

  const link: Link = setup.open(mark, setup.tempDir, {
    onMessage,
    onOutput: (stream, chunk) => output.write(stream, chunk),
    onEnd,
  });
  const bootTimer = setLongTimeout(() => {
    const message = `the functions' modules did not finish loading within ${setup.bootTimeoutMs} ms`;
    bootFailure ??= { message, byModule: false };
    kill(message);
  }, setup.bootTimeoutMs);
  const { modules, functions, root, release, tempDir, configFile, keep } = setup;
  const withheld = [...setup.withheld.keys()];
  link.send({ t: 'boot', modules, functions, root, release, tempDir, configFile, keep, withheld });

  const self: Executor = {
    mark,
    pid: link.pid,
    get state() {
      return state;
    },
    get wasReady() {
      return ready;
    },
    get calls() {
      return calls;
    },
    run: (execution, listener, onResult) => {
      const sink = createLineSink(listener.onLog && ((line, stream) => listener.onLog?.(line, stream)));
      calls += 1;
      state = 'busy';
      output.open(sink);
      const current = startRun(calls, execution, listener, sink, {
        send: link.send,
        startedAgo: link.startedAgo,
        startTimeoutMs: setup.startTimeoutMs,
        timer,
        kill: stopCall,
        closeOutput: output.close,
        onResult,
        onFinished: (end) => {
          run = undefined;
          runSink = undefined;
          if (end === 'lost' || state !== 'busy') return;
          if (end === 'unfinished') settling.begin(current.seq, execution.functionName);
          else beFree();
        },
      });
      run = current;
      runSink = sink;
      link.send(callMessage(calls, execution));
      return current;
    },
    onMeasured: (bytes) => {
      usedBytes = bytes;
      if (memoryLimit === undefined) return;
      if (run !== undefined && bytes > memoryLimit) {
        run.stop({ kind: 'memory', limitBytes: memoryLimit, usedBytes: bytes });
      } else if (state === 'idle') {
        if (calls === 0) freshBytes = bytes;
        else replaceIfStale(bytes);
      }
    },
    drain: (reason) => {
      if (run !== undefined) link.send({ t: 'drain', reason });
    },
    retire: (graceMs) => {
      lose('it is retired');
      link.send({ t: 'exit' });
      setTimeout(link.kill, graceMs).unref();
    },
    kill: () => kill('the pool closes'),
    ended,
  };
  return self;
};

const isStale = (bytes: number, freshBytes: number, limit: number): boolean =>
  bytes > limit * STALE_SHARE && bytes > freshBytes * STALE_GROWTH;
