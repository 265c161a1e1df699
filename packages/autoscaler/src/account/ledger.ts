/**
 * What the leader counts of one pool's machines: their time by whose it is, what that costs, launches, boots and failures. It
 * is kept as deltas until the store has taken them, in numbered batches, so that an answer that is lost counts nothing twice; what
 * has been counted of each machine stands in the store too, where the next leader goes on.
 */
import { finite, histogramFields, PURPOSES, parseObject, type RunnerRecord } from '@flamejs/protocol';
import type { IntentRecord } from '../record/intent.ts';
import type { FleetBatch, NewEvent } from '../store/store.ts';
import { NO_SHARES, owed, plus, type Shares } from './machine-account.ts';
import type { MachinePrice } from './prices.ts';

export interface Ledger {
  /** Whether what an earlier leader counted is known: before that nothing is counted of machines. */
  readonly loaded: boolean;
  load(machines: Readonly<Record<string, string>>): void;
  note(event: NewEvent): void;
  /** @param agents whose times are of the same clock as the records' */
  look(records: readonly IntentRecord[], agents: ReadonlyMap<string, RunnerRecord>, now: number): void;
  /** It is certainly gone. */
  gone(record: IntentRecord, agent: RunnerRecord | undefined, now: number): void;
  /** The batch to send; the same until it is `taken`. `undefined` when there is nothing. */
  batch(): FleetBatch | undefined;
  taken(): void;
}

interface Entry {
  readonly price: number | null;
  readonly shares: Shares;
}

export const createLedger = (priceOf: (record: IntentRecord) => MachinePrice): Ledger => {
  let entries: Map<string, Entry> | undefined;
  let counts: Record<string, number> = {};
  let machines: Record<string, string | null> = {};
  let sending: FleetBatch | undefined;
  let seq = 0;

  const raise = (field: string, by: number): void => {
    if (by > 0) counts[field] = (counts[field] ?? 0) + by;
  };

  const account = (record: IntentRecord, agent: RunnerRecord | undefined, until: number, ended: boolean): void => {
    const { runnerId, launch } = record;
    if (entries === undefined || launch.acceptedAt === null) return;
    const { perHour, minimumMs } = priceOf(record);
    const before = entries.get(runnerId);
    const known = before ?? { price: perHour, shares: NO_SHARES };
    const due = owed(
      {
        acceptedAt: launch.acceptedAt,
        readyAt: agent === undefined || agent.readyAt === 0 ? record.readyAt : agent.readyAt,
        busyMs: agent?.busyTotalMs ?? 0,
        idleMs: agent?.idleTotalMs ?? 0,
        drainMs: agent?.drainTotalMs ?? 0,
        until,
        ended,
        minimumMs,
      },
      known.shares,
    );
    for (const purpose of PURPOSES) {
      raise(`ms:${purpose}`, due[purpose]);
      if (known.price === null) raise(`unpriced:${purpose}`, due[purpose]);
      else raise(`nano:${purpose}`, (due[purpose] * known.price) / MS_PER_HOUR / NANO);
    }
    if (ended) {
      entries.delete(runnerId);
      machines[runnerId] = null;
      raise('ended', 1);
      return;
    }
    const entry = { price: known.price, shares: plus(known.shares, due) };
    entries.set(runnerId, entry);
    if (before === undefined || PURPOSES.some((purpose) => due[purpose] > 0)) machines[runnerId] = encode(entry);
  };

  return {
    get loaded() {
      return entries !== undefined;
    },
    load(found) {
      entries ??= new Map(Object.entries(found).map(([runnerId, text]) => [runnerId, decode(text)]));
    },
    note({ type, details = {} }) {
      if (type === 'runner.requested') raise('launches', 1);
      if (type === 'runner.failed') raise(`failed:${typeof details.kind === 'string' ? details.kind : 'boot'}`, 1);
      if (type === 'runner.lost') raise('lost', 1);
      if (type === 'runner.ready' && typeof details.bootMs === 'number')
        for (const [field, by] of histogramFields('b', details.bootMs)) raise(field, by);
    },
    look(records, agents, now) {
      if (entries === undefined) return;
      for (const record of records) account(record, agents.get(record.runnerId), now, false);
      // Its record is gone, and the leader that dropped it could not say so any more.
      const present = new Set(records.map(({ runnerId }) => runnerId));
      for (const runnerId of entries.keys())
        if (!present.has(runnerId)) {
          entries.delete(runnerId);
          machines[runnerId] = null;
        }
    },
    gone: (record, agent, now) => account(record, agent, now, true),
    batch() {
      if (sending !== undefined) return sending;
      if (Object.keys(counts).length + Object.keys(machines).length === 0) return undefined;
      seq += 1;
      sending = { seq, counts, machines };
      counts = {};
      machines = {};
      return sending;
    },
    taken() {
      sending = undefined;
    },
  };
};

const MS_PER_HOUR = 3_600_000;
/** Money is kept in whole numbers of these, in dollars: sums of them are exact. */
const NANO = 1e-9;

/** As the script that adds up the time of functions reads it: `price` in 1e-9 dollars an hour. */
const encode = ({ price, shares }: Entry): string =>
  JSON.stringify({ price: price === null ? null : Math.round(price / NANO), ...shares });

const decode = (text: string): Entry => {
  const fields = parseObject(text) ?? {};
  const price = typeof fields.price === 'number' ? fields.price * NANO : null;
  return {
    price,
    shares: {
      calls: finite(fields.calls),
      boot: finite(fields.boot),
      idle: finite(fields.idle),
      drain: finite(fields.drain),
    },
  };
};
