/**
 * What a call can leave behind that holds on to something outside of this process: children and ports. Only the calls that open
 * them cost anything: whoever spawned and listened nothing is not looked at. What a module opens while it is loaded is its own.
 */
import { ChildProcess } from 'node:child_process';
import { Socket as UdpSocket } from 'node:dgram';
import { type EventEmitter, errorMonitor } from 'node:events';
import { Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Kept } from '../messages.ts';
import { descendsFrom, findMarked } from '../stragglers.ts';
import { framesNow, writerOf } from './writer.ts';

export interface Leavings {
  /** From now on what is opened is a call's, unless a module that loads opens it. */
  begin(): void;
  /**
   * After a call.
   * @returns `undefined` when it has opened nothing; else, within about 100 ms, what is still there (`''` for nothing).
   */
  settle(): Promise<string> | undefined;
}

/** How long what a call has opened may take to go: a child that was killed, a server that was closed. */
const PATIENCE_MS = 100;
const LOOK_EVERY_MS = 10;

/** @param mark of this executor, which its children inherit. @param keep what calls may leave */
export const watchLeavings = (mark: string, keep: readonly Kept[]): Leavings => {
  let begun = false;
  /** Something was opened since the last time that nothing was left. */
  let spawned = false;
  let listened = false;
  const children = new Set<ChildProcess>();
  const ports = new Set<Server | UdpSocket>();
  /** It may still look up the address of its host. */
  const opening = new WeakSet<Server | UdpSocket>();
  /** Children that modules have started, which may have children of their own. */
  const own = new Set<number>();

  const isCalls = (caller: (...args: never) => unknown): boolean => begun && writerOf(framesNow(caller)) !== 'module';

  const childPrototype = ChildProcess.prototype as unknown as { spawn: (...args: unknown[]) => unknown };
  const { spawn } = childPrototype;
  childPrototype.spawn = function watchedSpawn(this: ChildProcess, ...args: unknown[]) {
    const byCall = isCalls(watchedSpawn);
    const result = spawn.apply(this, args);
    if (!byCall) {
      if (this.pid !== undefined) own.add(this.pid);
    } else if (!keep.includes('children')) {
      spawned = true;
      children.add(this);
      this.once('exit', () => children.delete(this));
      // It never came to be.
      if (this.pid === undefined) children.delete(this);
    }
    return result;
  };

  const watchPort = (port: Server | UdpSocket, caller: (...args: never) => unknown): void => {
    if (keep.includes('ports') || !isCalls(caller)) return;
    listened = true;
    ports.add(port);
    const forget = (): void => void ports.delete(port);
    port.once('close', forget);
    opening.add(port);
    port.once('listening', () => opening.delete(port));
    // Only then: an error of a server that listens does not close it.
    (port as EventEmitter).once(errorMonitor, () => opening.delete(port) && forget());
  };
  const { listen } = Server.prototype;
  Server.prototype.listen = function watchedListen(this: Server, ...args: unknown[]) {
    watchPort(this, watchedListen);
    return listen.apply(this, args as never);
  };
  const { bind } = UdpSocket.prototype;
  UdpSocket.prototype.bind = function watchedBind(this: UdpSocket, ...args: unknown[]) {
    watchPort(this, watchedBind);
    return bind.apply(this, args as never);
  };

  /** A process that a child has left behind carries the mark of this executor; Node knows nothing of it. */
  const strays = async (): Promise<readonly number[]> => {
    const known = new Set([...own, ...[...children].flatMap(({ pid }) => pid ?? [])]);
    return (await findMarked(mark)).filter((pid) => !descendsFrom(pid, known));
  };

  const look = async (): Promise<string> => {
    // A server that was closed and whose connections are open has given its port back.
    for (const port of ports) if ('listening' in port && !port.listening && !opening.has(port)) ports.delete(port);
    const left = [
      ...[...children].map((child) => `process ${child.pid} (${child.spawnfile})`),
      ...[...ports].map((port) => `port ${portOf(port)}`),
    ];
    if (left.length === 0 && spawned) left.push(...(await strays()).map((pid) => `process ${pid}`));
    return (
      left.slice(0, MOST_NAMED).join(', ') + (left.length > MOST_NAMED ? `, ${left.length - MOST_NAMED} more` : '')
    );
  };

  const settled = async (): Promise<string> => {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const left = await look();
      if (left === '') {
        spawned = false;
        listened = false;
        return '';
      }
      if (performance.now() >= until) return left;
      await pause(LOOK_EVERY_MS);
    }
  };

  return {
    begin: () => {
      begun = true;
    },
    settle: () => (spawned || listened ? settled() : undefined),
  };
};

const MOST_NAMED = 8;

const portOf = (port: Server | UdpSocket): string => {
  try {
    const address = port.address();
    return typeof address === 'string' ? address : String(address?.port ?? 'not yet open');
  } catch {
    return 'not yet open';
  }
};
