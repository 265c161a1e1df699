/**
 * Containers that have ended keep their name for a while, so that a late replay of their launch finds them instead of
 * making a second one, and say how they ended. After that they are removed.
 */

import type { InstanceEnd } from '@flamejs/queue';
import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { endOf } from './to-instance.ts';

const KEEP_MS = 10 * 60_000;
/** Of an ended container's output. */
const LINES = 20;

export interface Tombs {
  /** Removes those of `ended` that have been seen ended for long enough. Never throws: it is tried again. */
  sweep(ended: readonly ContainerInfo[], docker: Docker): Promise<void>;
  /** How one of them ended, asked once. Never throws: an end that nobody can tell is still an end. */
  end(id: string, docker: Docker): Promise<InstanceEnd | undefined>;
}

/** @param now monotonic milliseconds: the daemon's clock is not ours */
export const createTombs = (now: () => number, keepMs = KEEP_MS): Tombs => {
  const seenAt = new Map<string, number>();
  const ends = new Map<string, InstanceEnd>();
  return {
    sweep: async (ended, docker) => {
      const ids = new Set(ended.map(({ Id }) => Id));
      for (const id of seenAt.keys()) if (!ids.has(id)) for (const known of [seenAt, ends]) known.delete(id);
      for (const id of ids) if (!seenAt.has(id)) seenAt.set(id, now());
      const old = [...ids].filter((id) => now() - (seenAt.get(id) ?? now()) >= keepMs);
      await Promise.allSettled(old.map((id) => docker.getContainer(id).remove({ force: true, v: true })));
    },
    end: async (id, docker) => {
      const known = ends.get(id);
      if (known !== undefined) return known;
      try {
        const container = docker.getContainer(id);
        const { State } = await container.inspect();
        const end = endOf(State, await lastOutput(container).catch(() => ''));
        ends.set(id, end);
        return end;
      } catch {
        return undefined;
      }
    },
  };
};

const lastOutput = async (container: Docker.Container): Promise<string> =>
  withoutFrames(await container.logs({ follow: false, stdout: true, stderr: true, tail: LINES }));

/** Docker sends output in frames: one byte for the stream, three of padding, four for the length. */
const withoutFrames = (bytes: Buffer): string => {
  let text = '';
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    text += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
};
