/** Tells that no autoscaler is heard of: a dead one cannot. */
import { type AlertState, createAlertSender, judge } from '@flamejs/protocol';
import { formatDuration } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { Operations } from './operations/operations.ts';

const LOOK_EVERY_MS = 10_000;
/** Longer than the change from one leader to the next. */
const SILENT_MS = 60_000;

/** @returns what ends it. Does nothing for an app that has no `alerts` */
export const watchForAutoscaler = (operations: Operations, logger: Logger): (() => void) => {
  const { alerts, app } = operations.link.config;
  if (alerts === undefined) return () => undefined;
  const sender = createAlertSender(alerts, (what, error) => logger.warn({ what, error }, 'an alert could not be told'));
  let states: ReadonlyMap<string, AlertState> = new Map();
  const look = async (): Promise<void> => {
    try {
      const { autoscalerSilentMs: silentMs, now } = await operations.system();
      const text =
        silentMs !== null && silentMs > SILENT_MS
          ? `no autoscaler has been heard of for ${formatDuration(Math.round(silentMs))}`
          : undefined;
      const judged = judge(app, [{ pool: '', name: 'no-autoscaler', text }], states, now);
      states = judged.states;
      for (const alert of judged.alerts) sender.send(alert);
    } catch (error) {
      // Without Redis nobody knows; that it is away is for whoever watches Redis.
      logger.debug({ err: error }, 'the autoscaler could not be looked for');
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    sender.close();
  };
};
