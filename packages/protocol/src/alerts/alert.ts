/** Something that somebody should know of: raised when it has lasted, resolved when it has been over for a while. */

export const ALERTS = {
  'calls-wait': 'Calls of a pool have waited for longer than they should.',
  'runners-do-not-boot': 'Nothing is launched any more, because runners do not boot.',
  'launches-blocked': 'More runners are wanted, and none can be launched.',
  'machine-stuck': 'A machine cannot be ended, and costs money.',
  'no-autoscaler': 'No autoscaler has been heard of: nothing is launched and nothing is ended.',
  test: 'Somebody tries whether alerts arrive.',
} as const;

export type AlertName = keyof typeof ALERTS;

export interface Alert {
  /** The same while it lasts: of its app, its pool and its name. */
  readonly id: string;
  readonly app: string;
  /** Empty for the app as a whole. */
  readonly pool: string;
  readonly name: AlertName;
  readonly state: 'raised' | 'resolved';
  /** What is wrong, or was, in a sentence. */
  readonly text: string;
  /** Since when the condition has held, and when this was said; epoch ms. */
  readonly since: number;
  readonly at: number;
}

/** One thing that may be wrong, as it is at this moment. */
export interface Condition {
  readonly pool: string;
  readonly name: AlertName;
  /** `undefined` while it is not wrong. */
  readonly text: string | undefined;
}

/** What is remembered of a condition that holds, or has held. */
export interface AlertState {
  readonly since: number;
  /** When it was said, `null` while it has not lasted yet. */
  readonly raisedAt: number | null;
  /** Since when it has been over, `null` while it holds. */
  readonly overSince: number | null;
  readonly text: string;
}

export interface Patience {
  /** How long a condition must hold, and be over, ms. */
  readonly raiseAfterMs: number;
  readonly resolveAfterMs: number;
}

export const PATIENCE: Patience = { raiseAfterMs: 60_000, resolveAfterMs: 120_000 };

export const alertId = (pool: string, name: AlertName): string => `${pool}:${name}`;

export interface Judged {
  readonly states: ReadonlyMap<string, AlertState>;
  readonly alerts: readonly Alert[];
}

/**
 * Pure. A condition that comes and goes is one alert, not many: it is resolved only when it has been over for long enough.
 * @param states what the last look left, by `alertId`
 */
export const judge = (
  app: string,
  conditions: readonly Condition[],
  states: ReadonlyMap<string, AlertState>,
  now: number,
  patience: Patience = PATIENCE,
): Judged => {
  const next = new Map<string, AlertState>();
  const alerts: Alert[] = [];
  for (const { pool, name, text } of conditions) {
    const id = alertId(pool, name);
    const known = states.get(id);
    const say = (state: Alert['state'], of: AlertState): void =>
      void alerts.push({ id: `${app}:${id}`, app, pool, name, state, text: of.text, since: of.since, at: now });
    if (text !== undefined) {
      const held: AlertState = { since: known?.since ?? now, raisedAt: known?.raisedAt ?? null, overSince: null, text };
      const raised = held.raisedAt === null && now - held.since >= patience.raiseAfterMs;
      next.set(id, raised ? { ...held, raisedAt: now } : held);
      if (raised) say('raised', held);
    } else if (known !== undefined && known.raisedAt !== null) {
      const over = { ...known, overSince: known.overSince ?? now };
      if (now - over.overSince >= patience.resolveAfterMs) say('resolved', over);
      else next.set(id, over);
    }
  }
  return { states: next, alerts };
};
