/**
 * The pods of one app as a list and then a watch have shown them: bookmarks keep it young, a cut or a 410 leads to a new list.
 * A view that has heard nothing for a minute is no view: whoever asks waits, or hears why there is none.
 */
import { type Api, ApiError, isRefusal, type WatchEvent } from './api.ts';
import { LABEL, type Pod, type PodList, podsPath } from './pod.ts';
import { labelText } from './pod-spec.ts';
import type { Time } from './time.ts';

export interface GonePod {
  readonly pod: Pod;
  /** Monotonic ms at which it was missed. */
  readonly at: number;
}

export interface View {
  /** @returns every pod there is. @throws ApiError when that is not known, the signal's reason when it is not known in time */
  pods(signal: AbortSignal): Promise<readonly Pod[]>;
  /** One that was just made or looked up: it counts as present until the watch has passed it. */
  note(pod: Pod): void;
  /** The newest known state, without waiting. */
  known(name: string): Pod | undefined;
  /** Those that are no more, with their last state, for an hour. */
  gone(): readonly GonePod[];
  goneOf(name: string): Pod | undefined;
  stop(): void;
}

const STALE_MS = 60_000;
/** The server ends a watch after this long, with a bookmark before it. */
const WATCH_SECONDS = 40;
/** A connection that says nothing for longer than the server lets it live is broken. */
const SILENCE_MS = (WATCH_SECONDS + 10) * 1_000;
const QUIET_MS = 35_000;
const PAGE = '500';
const PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 30_000;
/** Nobody has asked for this long: nobody leads here. */
const UNUSED_MS = 5 * 60_000;
const REMEMBER_MS = 60 * 60_000;

export const createView = (api: Api, namespace: string, app: string, time: Time): View => {
  const path = podsPath(namespace);
  const labelSelector = `${LABEL.app}=${labelText(app)}`;
  let pods = new Map<string, Pod>();
  /** Noted by ourselves, and the newest list that had begun by then. */
  const own = new Map<string, { readonly pod: Pod; readonly list: number }>();
  const goners = new Map<string, GonePod>();
  let lists = 0;
  let heardAt: number | undefined;
  let askedAt = 0;
  let failure: unknown;
  let running: AbortController | undefined;
  const waiting = new Set<() => void>();

  const wake = (): void => {
    for (const each of [...waiting]) each();
  };
  const heard = (): void => {
    heardAt = time.now();
    failure = undefined;
    wake();
  };
  const isFresh = (): boolean => heardAt !== undefined && time.now() - heardAt <= STALE_MS;

  const bury = (pod: Pod): void => {
    goners.set(pod.metadata.name, { pod, at: time.now() });
    for (const [name, { at }] of goners) if (time.now() - at > REMEMBER_MS) goners.delete(name);
  };

  /** @returns the version from which a watch goes on */
  const list = async (signal: AbortSignal): Promise<string> => {
    lists += 1;
    const started = lists;
    const found = new Map<string, Pod>();
    let version = '';
    let next: string | undefined;
    do {
      const query = { labelSelector, limit: PAGE, ...(next === undefined ? {} : { continue: next }) };
      const page = (await api.send({ method: 'GET', path, query }, signal)) as PodList;
      for (const pod of page.items) found.set(pod.metadata.name, pod);
      version = page.metadata?.resourceVersion ?? '';
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
    for (const [name, { pod, list: before }] of own) {
      if (found.has(name) || before < started) own.delete(name);
      else found.set(name, pod);
    }
    for (const [name, pod] of pods) if (found.get(name)?.metadata.uid !== pod.metadata.uid) bury(pod);
    pods = found;
    heard();
    return version;
  };

  const take = ({ type, object }: WatchEvent): string => {
    if (type === 'ERROR') {
      const {
        code = 500,
        reason,
        message = 'the watch failed',
      } = object as {
        code?: number;
        reason?: string;
        message?: string;
      };
      throw new ApiError(message, { code, reason, message });
    }
    const pod = object as Pod;
    const { name, uid, resourceVersion } = pod.metadata;
    if (type === 'BOOKMARK') return resourceVersion;
    own.delete(name);
    if (type !== 'DELETED') pods.set(name, pod);
    else {
      if (pods.get(name)?.metadata.uid === uid) pods.delete(name);
      bury(pod);
    }
    return resourceVersion;
  };

  /** Returns when a new list is needed. */
  const follow = async (from: string, signal: AbortSignal): Promise<void> => {
    let version = from;
    for (;;) {
      const opened = time.now();
      const silence = new AbortController();
      let stop = time.after(SILENCE_MS, () => silence.abort(new ApiError('the watch has gone silent')));
      try {
        const query = {
          labelSelector,
          resourceVersion: version,
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(WATCH_SECONDS),
        };
        for await (const event of api.watch(path, query, AbortSignal.any([signal, silence.signal]))) {
          stop();
          stop = time.after(SILENCE_MS, () => silence.abort(new ApiError('the watch has gone silent')));
          version = take(event);
          heard();
        }
      } catch (error) {
        // The server has forgotten that version: that is how long watches end.
        if (isRefusal(error, 410)) return;
        throw error;
      } finally {
        stop();
      }
      if (signal.aborted || time.now() - askedAt > UNUSED_MS) return;
      if (time.now() - (heardAt ?? 0) >= QUIET_MS) return;
      if (time.now() - opened < PAUSE_MS) await time.sleep(PAUSE_MS, signal);
    }
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    let failures = 0;
    while (!signal.aborted && time.now() - askedAt <= UNUSED_MS) {
      try {
        const version = await list(signal);
        failures = 0;
        await follow(version, signal);
      } catch (error) {
        if (signal.aborted) return;
        failure = error;
        wake();
        const told = error instanceof ApiError ? error.status?.retryAfterMs : undefined;
        const pause = told ?? PAUSE_MS * 2 ** Math.min(failures, 10);
        failures += 1;
        await time.sleep(Math.min(PAUSE_MAX_MS, pause), signal);
      }
    }
  };

  const start = (): void => {
    askedAt = time.now();
    if (running !== undefined) return;
    // What failed before the pause says nothing of now.
    failure = undefined;
    const controller = new AbortController();
    running = controller;
    void run(controller.signal)
      // Only an abort ends its pauses; there is nobody to tell.
      .catch(() => undefined)
      .finally(() => {
        if (running === controller) running = undefined;
      });
  };

  return {
    async pods(signal) {
      start();
      while (!isFresh()) {
        if (failure !== undefined) throw failure;
        signal.throwIfAborted();
        await new Promise<void>((resolve) => {
          const end = (): void => {
            waiting.delete(end);
            signal.removeEventListener('abort', end);
            resolve();
          };
          waiting.add(end);
          signal.addEventListener('abort', end, { once: true });
        });
      }
      return [...pods.values()];
    },
    note(pod) {
      const { name, uid } = pod.metadata;
      if (pods.get(name)?.metadata.uid === uid || goners.get(name)?.pod.metadata.uid === uid) return;
      pods.set(name, pod);
      own.set(name, { pod, list: lists });
    },
    known: (name) => pods.get(name),
    gone: () => [...goners.values()],
    goneOf: (name) => (pods.has(name) ? undefined : goners.get(name)?.pod),
    stop() {
      running?.abort(new ApiError('the backend was closed'));
      running = undefined;
      heardAt = undefined;
      wake();
    },
  };
};
