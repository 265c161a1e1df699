/** A user's hooks, kept apart from the loop: whatever one does, the loop goes on. */
import type { Logger } from 'pino';
import { bounded, type Clock } from '../clock.ts';

export interface HookRunner {
  /** Calls the hook and returns at once; a hook that throws, rejects or hangs is logged and harms nothing. */
  fire<I>(name: string, hook: ((info: I) => unknown) | undefined, info: I): void;
  /** Asks a function of the user's and waits for its answer; `fallback` when it fails. */
  ask<I>(name: string, hook: (info: I) => boolean | Promise<boolean>, info: I, fallback: boolean): Promise<boolean>;
  /** Resolves when no hook is running. */
  settle(): Promise<void>;
}

const HOOK_TIMEOUT_MS = 5_000;

export const createHooks = (clock: Clock, log: Pick<Logger, 'error'>): HookRunner => {
  const running = new Set<Promise<unknown>>();
  const run = <I>(name: string, hook: (info: I) => unknown, info: I): Promise<unknown> =>
    bounded(clock, HOOK_TIMEOUT_MS, `hook ${name}`, async () => await hook(info));

  return {
    fire(name, hook, info) {
      if (hook === undefined) return;
      const done = run(name, hook, info).catch((error: unknown) => {
        log.error({ err: error, hook: name }, 'a hook failed; the autoscaler goes on');
      });
      running.add(done);
      void done.finally(() => running.delete(done));
    },
    async ask(name, hook, info, fallback) {
      try {
        return (await run(name, hook, info)) === true;
      } catch (error) {
        log.error({ err: error, hook: name }, `a hook failed; going on as if it had answered ${String(fallback)}`);
        return fallback;
      }
    },
    async settle() {
      await Promise.all(running);
    },
  };
};
