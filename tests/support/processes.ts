/** Real processes for tests: started with their output captured, ended for sure, and counted when they should be gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type FoundProcess, processesMarked } from './marked.ts';
import { PATIENCE_MS, settles, waitFor } from './wait-for.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Options of node itself: `['--import', 'tsx']`. */
  readonly nodeArgs?: readonly string[];
  /** Opens an IPC channel, as `fork` does. */
  readonly ipc?: boolean;
  /** Opens its stdin, as `child.stdin`. */
  readonly input?: boolean;
}

export interface TestProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when the process has ended and its output is complete. */
  readonly exited: Promise<Exit>;
  /** Whether it still runs. */
  alive(): boolean;
  /** What it wrote so far, stdout and stderr in order of arrival. */
  output(): string;
  /** Resolves with the match once the output contains the pattern; fails early when the process ends without it. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to this process alone, as a crash; resolves when it is gone. */
  kill9(): Promise<Exit>;
  /** SIGTERM, and SIGKILL when that is not obeyed within `graceMs` (10 s). Idempotent. */
  stop(graceMs?: number): Promise<Exit>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Runs a script with this Node. `script` is a path or a file URL. */
export const startNode = (script: string | URL, options: ProcessOptions = {}): Promise<TestProcess> => {
  const file = script instanceof URL ? script.pathname : script;
  return startProcess(process.execPath, [...(options.nodeArgs ?? []), file, ...(options.args ?? [])], options);
};

/** Runs JavaScript source (an ES module) with this Node; `import` resolves from `cwd`. */
export const startSource = (source: string, options: ProcessOptions = {}): Promise<TestProcess> =>
  startProcess(
    process.execPath,
    [...(options.nodeArgs ?? []), '--input-type=module', '--eval', source, '--', ...(options.args ?? [])],
    options,
  );

export const startProcess = async (
  command: string,
  args: readonly string[],
  { cwd, env = {}, ipc = false, input = false }: ProcessOptions = {},
): Promise<TestProcess> => {
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? -1));
    child.once('error', reject);
  });
  // 'exit' and not 'close': a grandchild may hold the pipes open long after the process itself has gone.
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  let closed = false;
  child.once('close', () => {
    closed = true;
  });
  const alive = () => child.exitCode === null && child.signalCode === null;

  const self: TestProcess = {
    pid,
    child,
    exited,
    alive,
    output: () => text,
    waitForOutput: (pattern, timeoutMs = PATIENCE_MS) =>
      waitFor(
        () => {
          const match = pattern.exec(text);
          if (match === null && closed)
            throw new EndedError(`Process ${pid} ended without ${pattern}: ${text.slice(-4_000)}`);
          return match;
        },
        {
          what: `${pattern} in the output`,
          timeoutMs,
          found: () => text.slice(-4_000),
          giveUp: (error) => error instanceof EndedError,
        },
      ),
    signal: (signal) => void child.kill(signal),
    kill9: () => {
      child.kill('SIGKILL');
      return settles(exited, { what: `The end of process ${pid} after SIGKILL` });
    },
    stop: async (graceMs = 10_000) => {
      if (alive()) child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await settles(exited, { what: `The end of process ${pid}`, timeoutMs: graceMs + 5_000 });
      } finally {
        clearTimeout(hard);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await self.stop();
    },
  };
  return self;
};

/** Processes that this one has started and that live: a runner's are its executors. */
const childrenOf = (pid: number): readonly number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
};

/** The executors of a runner. It has other children too: what cleans up after it. */
export const executorsOf = (pid: number): readonly number[] =>
  childrenOf(pid).filter((child) => {
    try {
      return readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('executor-main');
    } catch {
      return false;
    }
  });

/** Whether a process with this id runs (a zombie that nobody has reaped does not). */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return !existsSync('/proc/self/status'); // no /proc on this system: the signal's answer has to do
  }
};

class EndedError extends Error {}

/** A marker for the environment of what a test starts, by which it can prove later that all of it has ended. */
export interface Brood {
  /** To be given to the first processes; their children inherit it. */
  readonly env: Readonly<Record<string, string>>;
  living(): readonly FoundProcess[];
}

const broodName = 'FLAME_TEST_BROOD';

export const startBrood = (): Brood => {
  const id = randomUUID();
  return { env: { [broodName]: id }, living: () => processesMarked(broodName, id) };
};

/** Fails, naming them, when processes of the brood are still there after `timeoutMs` (10 s). */
export const expectNoLeftovers = async (brood: Brood, timeoutMs = 10_000): Promise<void> => {
  try {
    await waitFor(() => brood.living().length === 0, { what: 'every process to end', timeoutMs, everyMs: 100 });
  } catch {
    expect(brood.living(), 'processes that should have ended').toEqual([]);
  }
};
