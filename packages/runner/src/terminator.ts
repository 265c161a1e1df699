/**
 * Ends this runner when nobody needs it any more: told by a signal, left by its parent, or forgotten by the autoscaler. An
 * instance that is not wanted always ends, even if the autoscaler never returns.
 */
import { type AppKeys, createAwakeClock, type RedisClient } from '@flamejs/protocol';

export interface HeartbeatWatch {
  stop(): void;
}

export interface HeartbeatWatchOptions {
  readonly client: RedisClient;
  readonly keys: AppKeys;
  /** How long the first heartbeat may take. */
  readonly failsafeTimeoutMs: number;
  /** How long it may stay silent after that. */
  readonly heartbeatTimeoutMs: number;
  readonly onSilent: (why: 'failsafe' | 'heartbeat', silentMs: number) => void;
  /** It is heard of again. With this the watch goes on after a silence; without it the first one ends it. */
  readonly onHeard?: (() => void) | undefined;
}

/** Between two looks; shorter when a timeout is. */
const LOOK_MS = 5_000;

/** Watches the autoscaler's heartbeat: that it changes, while we are awake. Not being able to look is silence too. */
export const watchAutoscaler = (options: HeartbeatWatchOptions): HeartbeatWatch => {
  const { client, keys, failsafeTimeoutMs, heartbeatTimeoutMs, onSilent, onHeard } = options;
  let seen: string | null | undefined;
  let everMoved = false;
  const everyMs = Math.max(50, Math.min(LOOK_MS, failsafeTimeoutMs / 4, heartbeatTimeoutMs / 4));
  // Whoever slept himself has not heard the other be silent.
  const awake = createAwakeClock(2 * everyMs);
  let changedAt = awake.ms();
  let looking = false;
  let silent = false;

  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const value = await client.get(keys.heartbeat);
      // The first value may be what a dead autoscaler left behind.
      if (value !== null && seen !== undefined && value !== seen) {
        everMoved = true;
        changedAt = awake.ms();
        if (silent) onHeard?.();
        silent = false;
      }
      seen = value;
    } catch {
      // The connection's owner reports it.
    } finally {
      looking = false;
    }
  };

  const check = (): void => {
    void look();
    const silentMs = awake.ms() - changedAt;
    if (silent || silentMs < (everMoved ? heartbeatTimeoutMs : failsafeTimeoutMs)) return;
    silent = true;
    if (onHeard === undefined) clearInterval(timer);
    onSilent(everMoved ? 'heartbeat' : 'failsafe', Math.round(silentMs));
  };

  const timer = setInterval(check, everyMs);
  void look();
  return { stop: () => clearInterval(timer) };
};

export interface SignalWatch {
  stop(): void;
}

/** @param onEnd called for the first signal, or when the parent's channel closes @param onInsist for every further one */
export const watchSignals = (onEnd: (reason: string) => void, onInsist: () => void): SignalWatch => {
  let told = false;
  const tell = (reason: string, isSignal: boolean) => (): void => {
    if (!told) onEnd(reason);
    // A parent that ends after Ctrl-C closes its channel too: that says nothing new.
    else if (isSignal) onInsist();
    told = true;
  };
  const handlers: [NodeJS.Signals | 'disconnect', () => void][] = [
    ['SIGTERM', tell('sigterm', true)],
    ['SIGINT', tell('sigint', true)],
  ];
  // A runner that was started with a channel belongs to the process at its other end.
  if (process.channel !== undefined) handlers.push(['disconnect', tell('parent-gone', false)]);
  for (const [name, handler] of handlers) process.on(name, handler);
  // The parent may have gone while this code was being loaded; then nothing will ever tell of it.
  const orphaned = process.env.FLAME_BACKEND === 'local' && !process.connected;
  const check = orphaned ? setImmediate(tell('parent-gone', false)) : undefined;
  return {
    stop() {
      clearImmediate(check);
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
};
