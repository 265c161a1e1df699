/** What is wrong now, and whether those who should hear of it would. */
import { type Alert, type AlertName, createAlertSender, type Delivery, parseObject, redisNow } from '@flamejs/protocol';
import type { Link } from './link.ts';
import { toNumber, toText } from './numbers.ts';

export interface OpenAlert {
  readonly pool: string;
  readonly name: string;
  readonly text: string;
  readonly since: number;
  readonly raisedAt: number;
}

/** Those that the leader has raised and not resolved, the oldest first. */
export const readAlerts = async (link: Link): Promise<readonly OpenAlert[]> =>
  Object.entries(await link.client.hgetall(link.app.alerts))
    .flatMap(([id, text]): readonly OpenAlert[] => {
      const fields = parseObject(text);
      if (fields === undefined || typeof fields.raisedAt !== 'number') return [];
      const [pool = '', name = ''] = id.split(':');
      const { since, raisedAt } = fields;
      return [{ pool, name, text: toText(fields.text), since: toNumber(since), raisedAt: toNumber(raisedAt) }];
    })
    .sort((a, b) => a.since - b.since);

/** @returns how it went with each that is configured; `undefined` for one that is not */
export const testAlerts = async (
  link: Link,
  by: string,
): Promise<Readonly<Record<'on' | 'webhook', Delivery | undefined>>> => {
  const { alerts, app } = link.config;
  if (alerts === undefined) return { on: undefined, webhook: undefined };
  const now = await redisNow(link.client);
  const name: AlertName = 'test';
  const text = `${by} tries whether alerts arrive; nothing is wrong`;
  const alert: Alert = { id: `${app}::test`, app, pool: '', name, state: 'raised', text, since: now, at: now };
  return createAlertSender(alerts, () => undefined).sendNow(alert);
};
