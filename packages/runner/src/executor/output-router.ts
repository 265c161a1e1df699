/**
 * Tells one call's output from the next one's on the same pipe. A pipe and the message channel are read apart, so bytes of
 * a call can arrive after its result, or after the next call has begun. An executor therefore reports with each result how
 * many bytes it has written so far, and bytes are dealt out by their position in the stream.
 */
import type { LineSink } from './line-sink.ts';
import type { OutputMarks } from './messages.ts';
import type { OutputStream } from './types.ts';

export interface OutputRouter {
  /** Output from the end of the previous one on belongs to `sink`. */
  open(sink: LineSink): void;
  /**
   * Ends the newest sink at the given positions, or at what has arrived when there are none.
   * @returns `undefined` when all of it has arrived already, else a promise of that, never longer than `maxWaitMs`.
   */
  close(marks?: OutputMarks, maxWaitMs?: number): Promise<void> | undefined;
  write(stream: OutputStream, chunk: Uint8Array): void;
}

interface Segment {
  readonly sink: LineSink;
  until: number;
  onDone: (() => void) | undefined;
}

interface Track {
  read: number;
  segments: Segment[];
}

const MAX_WAIT_MS = 250;

/** @param background takes what belongs to no call. */
export const createOutputRouter = (background: LineSink): OutputRouter => {
  const tracks: Record<OutputStream, Track> = {
    stdout: { read: 0, segments: [] },
    stderr: { read: 0, segments: [] },
  };

  const settle = (stream: OutputStream): void => {
    const track = tracks[stream];
    for (let first = track.segments[0]; first !== undefined && first.until <= track.read; first = track.segments[0]) {
      track.segments.shift();
      first.sink.flush(stream);
      first.onDone?.();
    }
  };

  /** @returns `undefined` when nothing is missing */
  const end = (stream: OutputStream, mark: number | undefined): Promise<void> | undefined => {
    const track = tracks[stream];
    const last = track.segments.at(-1);
    if (last === undefined || last.until !== Number.POSITIVE_INFINITY) return undefined;
    last.until = Math.max(mark ?? track.read, track.read);
    let missing: Promise<void> | undefined;
    // Nobody will see more of a sink that is full, so nobody waits for it.
    if (last.until > track.read && !last.sink.full)
      missing = new Promise((resolve) => {
        last.onDone = resolve;
      });
    settle(stream);
    return missing;
  };

  return {
    open: (sink) => {
      tracks.stdout.segments.push({ sink, until: Number.POSITIVE_INFINITY, onDone: undefined });
      tracks.stderr.segments.push({ sink, until: Number.POSITIVE_INFINITY, onDone: undefined });
    },
    close: (marks, maxWaitMs = MAX_WAIT_MS) => {
      const [stdout, stderr] = [end('stdout', marks?.[0]), end('stderr', marks?.[1])];
      return stdout === undefined && stderr === undefined
        ? undefined
        : within(Promise.all([stdout, stderr]), maxWaitMs);
    },
    write: (stream, chunk) => {
      const track = tracks[stream];
      let rest = chunk;
      while (rest.length > 0) {
        const first = track.segments[0];
        const room = first === undefined ? rest.length : Math.min(rest.length, first.until - track.read);
        (first?.sink ?? background).write(stream, room === rest.length ? rest : rest.subarray(0, room));
        track.read += room;
        rest = rest.subarray(room);
        settle(stream);
      }
    },
  };
};

const within = (promise: Promise<unknown>, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
