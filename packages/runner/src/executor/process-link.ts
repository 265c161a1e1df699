/** An executor as a process of its own process group, so that one signal ends it and its children. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { borrowMemory } from '@flamejs/protocol/passing-memory';
import { readInPlace, readMessages, writeMessage } from './channel/channel.ts';
import type { FrameReader } from './channel/frames.ts';
import { SETPRIV, WITH_RUNNER } from './janitor.ts';
import type { Link, LinkEnd, OpenLink } from './link.ts';
import { CHANNEL_FD, LIFELINE_FD } from './markers.ts';
import { readStartFile, startFileOf } from './start-mark.ts';
import { killGroup, killMarked } from './stragglers.ts';

export interface ProcessLinkOptions {
  readonly entry: string;
  readonly execArgv: readonly string[];
  readonly env: (mark: string) => Readonly<Record<string, string>>;
  /** The kernel ends it with this process; else its own watchdog does. */
  readonly byKernel: boolean;
}

/** How long output may lag behind the exit; a grandchild that keeps the pipe open must not keep the call waiting. */
const OUTPUT_LAG_MS = 200;
/** Between a closed channel and the exit lies a normal shutdown; a signal into it would falsify the exit status. */
const DISCONNECT_GRACE_MS = 1_000;
/** SIGKILL cannot be refused, but a process in an uninterruptible read dies late. */
const KILL_PATIENCE_MS = 10_000;

export const processLinks =
  ({ entry, execArgv, env, byKernel }: ProcessLinkOptions): OpenLink =>
  (mark, tempDir, events) => {
    let child: ChildProcess;
    let channel: Socket | undefined;
    let ended = false;
    let killed = false;
    let timer: NodeJS.Timeout | undefined;
    /** Why it was ended, when that was for what it did to the channel. */
    let misuse: string | undefined;

    const end = async (how: Partial<LinkEnd>): Promise<void> => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      if (child?.pid !== undefined) {
        // The leader is gone; whoever it started may not be.
        killGroup(child.pid);
        await Promise.all([killMarked(mark), outputEnd(child)]);
      }
      child?.stdout?.destroy();
      child?.stderr?.destroy();
      channel?.destroy();
      child?.stdio[LIFELINE_FD]?.destroy();
      events.onEnd({ exitCode: null, signal: null, heapExhausted: false, error: misuse, killed, ...how });
    };
    const failed = (error: unknown): void => void end({ error: String(error) });

    try {
      const program = [...execArgv, entry, tempDir];
      const [command, args] = byKernel
        ? [SETPRIV, [...WITH_RUNNER, process.execPath, ...program, String(process.pid)]]
        : [process.execPath, program];
      child = spawn(command, args, {
        detached: true,
        env: env(mark),
        // The fourth is the channel: a socket pair, which costs a third of Node's own channel and takes bytes as they are. The fifth is the
        // lifeline: the executor's watchdog sees it close when this process dies, however it dies.
        stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      });
    } catch (error) {
      queueMicrotask(() => failed(error));
      return { pid: undefined, startedAgo: () => undefined, send: () => {}, kill: () => {} };
    }
    const { pid } = child;

    const kill = (): void => {
      if (ended || killed || pid === undefined) return;
      killed = true;
      killGroup(pid);
      clearTimeout(timer);
      timer = setTimeout(() => void end({ signal: 'SIGKILL', error: 'it does not die of SIGKILL' }), KILL_PATIENCE_MS);
    };
    const disconnected = (): void => {
      if (ended || killed) return;
      timer = setTimeout(kill, DISCONNECT_GRACE_MS);
    };
    const reader = readMessages(
      events.onMessage,
      (why) => {
        misuse = `the channel to its runner was used by other code: ${why}`;
        kill();
      },
      borrowMemory,
    );
    channel = reopened(child.stdio[CHANNEL_FD], reader);
    child.stdout?.on('data', (chunk: Buffer) => events.onOutput('stdout', chunk));
    child.stderr?.on('data', (chunk: Buffer) => events.onOutput('stderr', chunk));
    for (const stream of [...child.stdio, channel]) stream?.on('error', () => {});
    // Nobody writes to it; it is read so that its end is noticed.
    (child.stdio[LIFELINE_FD] as Readable | null | undefined)?.resume();
    // Before the spawn: it did not start. After it: a signal could not be sent, and the exit follows or is brought about.
    child.on('error', (error) => (child.pid === undefined ? failed(error) : kill()));
    // An executor without its channel is of no use; user code may have closed the descriptor.
    channel?.on('close', disconnected);
    child.on('exit', (exitCode, signal) => void end({ exitCode, signal }));

    return {
      pid,
      startedAgo: readStartFile(startFileOf(tempDir)),
      send: (message) => {
        if (channel !== undefined) writeMessage(channel, message);
      },
      kill,
    } satisfies Link;
  };

/**
 * The same pipe as a socket that reads into the memory of a reader: the one that a spawn makes reads into fresh memory, 64 KB at a time.
 * @param made by the spawn; it lets go of the pipe
 */
const reopened = (made: unknown, reader: FrameReader): Socket | undefined => {
  const socket = made as { _handle: unknown; destroy(): void } | null | undefined;
  const handle = socket?._handle ?? undefined;
  if (socket === null || socket === undefined || handle === undefined) return undefined;
  socket._handle = null;
  socket.destroy();
  const opened = new Socket({ handle, onread: readInPlace(reader) } as never);
  opened.resume();
  return opened;
};

const outputEnd = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, OUTPUT_LAG_MS);
    child.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
