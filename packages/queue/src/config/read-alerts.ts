/** The option `alerts`: who is told when something is wrong. */

import type { Alert } from '@flamejs/protocol/alerts/alert';
import type { AlertsConfig } from '@flamejs/protocol/alerts/send-alerts';
import { type Duration, readDuration } from '@flamejs/protocol/duration';
import { no, type Parsed, show, yes } from '@flamejs/protocol/parsed';

export type { Alert, AlertsConfig };

export interface AlertsInput {
  /** Called in the leading autoscaler with each alert; given 5 s. */
  readonly on?: ((alert: Alert) => unknown) | undefined;
  /** Gets each alert as a signed POST; tried five times. */
  readonly webhook?:
    | {
        readonly url: string;
        /** Signs what is sent: at least 16 characters. */
        readonly secret: string;
        /** Whether an address of this machine or of a private network may be reached; `false` unless set. */
        readonly allowPrivate?: boolean | undefined;
      }
    | undefined;
  /** How long calls may wait before that is an alert; 5 minutes unless set. */
  readonly waitLongerThan?: Duration | undefined;
}

const SECRET_LENGTH = 16;
const WAIT_MS = 300_000;

export const readAlerts = (value: unknown): Parsed<AlertsConfig> => {
  if (typeof value !== 'object' || value === null)
    return no(`expected { on, webhook, waitLongerThan }, got ${show(value)}`);
  const { on, webhook, waitLongerThan, ...rest } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return no(`has no option ${show(unknown)}: it takes on, webhook and waitLongerThan`);
  if (on !== undefined && typeof on !== 'function') return no(`on: expected a function, got ${show(on)}`);
  const wait = waitLongerThan === undefined ? yes(WAIT_MS) : readDuration(waitLongerThan);
  if (!wait.ok) return no(`waitLongerThan: ${wait.message}`);
  const hook = webhook === undefined ? yes(undefined) : readWebhook(webhook);
  if (!hook.ok) return no(`webhook: ${hook.message}`);
  return yes({ on: on as AlertsConfig['on'], webhook: hook.value, waitMs: wait.value });
};

const readWebhook = (value: unknown): Parsed<AlertsConfig['webhook']> => {
  if (typeof value !== 'object' || value === null) return no(`expected { url, secret }, got ${show(value)}`);
  const { url, secret, allowPrivate = false } = value as Readonly<Record<string, unknown>>;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return no('expected a url that begins with https:// or http://');
  if (typeof secret !== 'string' || secret.length < SECRET_LENGTH)
    return no(`needs a secret of at least ${SECRET_LENGTH} characters, which signs what is sent`);
  if (typeof allowPrivate !== 'boolean') return no(`allowPrivate: expected true or false, got ${show(allowPrivate)}`);
  return yes({ url, secret, allowPrivate });
};
