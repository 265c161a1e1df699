/** What the leader finds wrong with its pools, told once when it has lasted and once when it is over. A dashboard tells that there is no leader. */
import {
  type AlertSender,
  type AlertState,
  type Condition,
  judge,
  type Patience,
  parseObject,
} from '@flamejs/protocol';
import { formatDuration } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import type { Leader } from './leader.ts';
import type { FullPoolStatus } from './pool-status.ts';
import type { Store } from './store/store.ts';

export interface AlarmsOptions {
  readonly app: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leader: Leader;
  readonly sender: AlertSender;
  /** Calls that wait longer are an alert, ms. */
  readonly waitMs: number;
  readonly patience?: Patience;
  statuses(): Readonly<Record<string, FullPoolStatus>>;
}

export interface Alarms {
  /** Looks, if it has not just looked. Never rejects. */
  look(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;

export const createAlarms = (options: AlarmsOptions): Alarms => {
  const { app, store, clock, log, leader, sender, patience } = options;
  let lookedAt = Number.NEGATIVE_INFINITY;
  /** Of this term; another leader's are read from the store. */
  let known: { readonly epoch: number; readonly states: ReadonlyMap<string, AlertState> } | undefined;

  const lookNow = async (): Promise<void> => {
    const term = leader.current();
    if (term === null) return;
    if (known?.epoch !== term.epoch) known = { epoch: term.epoch, states: statesOf(await store.alerts()) };
    const before = known.states;
    const conditions = Object.values(options.statuses()).flatMap((status) => conditionsOf(status, options.waitMs));
    const { states, alerts } = judge(app, conditions, before, term.now(), patience);
    const save = [...states].filter(([id, state]) => !same(state, before.get(id)));
    const remove = [...before.keys()].filter((id) => !states.has(id));
    // Written before it is told: whoever leads next must not tell it again.
    if (save.length + remove.length > 0) {
      const texts = Object.fromEntries(save.map(([id, state]) => [id, JSON.stringify(state)]));
      if ((await store.saveAlerts(term.epoch, texts, remove)) === 'fenced') {
        term.depose('an alert was refused');
        return;
      }
    }
    known = { epoch: term.epoch, states };
    for (const alert of alerts) {
      log.warn({ alert: alert.name, pool: alert.pool, state: alert.state }, `alert ${alert.state}: ${alert.text}`);
      sender.send(alert);
    }
  };

  return {
    async look() {
      if (clock.mono() - lookedAt < LOOK_EVERY_MS) return;
      lookedAt = clock.mono();
      try {
        await lookNow();
      } catch (error) {
        log.warn({ err: error }, 'what is wrong could not be judged; the next look tries again');
      }
    },
  };
};

/** Pure. */
export const conditionsOf = (status: FullPoolStatus, waitMs: number): readonly Condition[] => {
  const { pool, oldestWaitMs, paused, unbootable, bootFailure, blocked, wanted, useful, stuck } = status;
  const waits = !paused && oldestWaitMs > waitMs;
  const lacks = wanted !== null && wanted > useful && blocked !== undefined && unbootable !== true;
  return [
    {
      pool,
      name: 'calls-wait',
      text: waits ? `calls of pool "${pool}" have waited for ${formatDuration(Math.round(oldestWaitMs))}` : undefined,
    },
    {
      pool,
      name: 'runners-do-not-boot',
      text:
        unbootable === true
          ? `runners of pool "${pool}" do not boot: ${bootFailure ?? 'no reason is known'}`
          : undefined,
    },
    {
      pool,
      name: 'launches-blocked',
      text: lacks ? `pool "${pool}" wants ${wanted} runners and has ${useful}: ${blocked}` : undefined,
    },
    {
      pool,
      name: 'machine-stuck',
      text: stuck > 0 ? `${stuck} of the machines of pool "${pool}" cannot be ended` : undefined,
    },
  ];
};

const same = (a: AlertState, b: AlertState | undefined): boolean =>
  b !== undefined && a.since === b.since && a.raisedAt === b.raisedAt && a.overSince === b.overSince;

const statesOf = (texts: Readonly<Record<string, string>>): ReadonlyMap<string, AlertState> =>
  new Map(
    Object.entries(texts).flatMap(([id, text]): readonly (readonly [string, AlertState])[] => {
      const { since, raisedAt = null, overSince = null, text: said = '' } = parseObject(text) ?? {};
      if (typeof since !== 'number') return [];
      const moment = (value: unknown): number | null => (typeof value === 'number' ? value : null);
      return [[id, { since, raisedAt: moment(raisedAt), overSince: moment(overSince), text: String(said) }]];
    }),
  );
