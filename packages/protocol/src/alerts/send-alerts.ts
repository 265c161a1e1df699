/** Tells of alerts: the function of the config, and the webhook. One that fails keeps no other from hearing. */
import type { Alert } from './alert.ts';
import { type Delivery, sendToWebhook, type WebhookConfig } from './webhook.ts';

export interface AlertsConfig {
  readonly on: ((alert: Alert) => unknown) | undefined;
  readonly webhook: WebhookConfig | undefined;
  /** Calls that wait longer than this are an alert; ms. */
  readonly waitMs: number;
}

export interface AlertSender {
  /** Returns at once. */
  send(alert: Alert): void;
  /** @returns how it went, for whoever tries it */
  sendNow(alert: Alert): Promise<Readonly<Record<'on' | 'webhook', Delivery | undefined>>>;
  /** Gives up what is under way. */
  close(): void;
}

const HOOK_MS = 5_000;

export const createAlertSender = (
  config: AlertsConfig,
  onError: (what: string, error: string) => void,
): AlertSender => {
  const stop = new AbortController();

  const callHook = async (alert: Alert): Promise<Delivery | undefined> => {
    if (config.on === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${HOOK_MS} ms`)), HOOK_MS);
    });
    try {
      await Promise.race([Promise.resolve().then(() => config.on?.(alert)), late]);
      return { delivered: true };
    } catch (error) {
      return { delivered: false, error: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  };

  const sendNow: AlertSender['sendNow'] = async (alert) => {
    const { webhook } = config;
    const [on, sent] = await Promise.all([
      callHook(alert),
      webhook === undefined ? undefined : sendToWebhook(webhook, alert, stop.signal),
    ]);
    if (on?.error !== undefined) onError('alerts.on', on.error);
    if (sent?.error !== undefined) onError('alerts.webhook', sent.error);
    return { on, webhook: sent };
  };

  return { sendNow, send: (alert) => void sendNow(alert), close: () => stop.abort() };
};
