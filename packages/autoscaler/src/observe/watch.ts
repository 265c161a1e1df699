/**
 * What one controller has seen of a pool over time: heartbeats that stand still, instances that are missing, instances
 * that nobody knows. Durations count only while the controller has really been watching, so that an outage of Redis or
 * of the controller itself, or a clock that jumps, makes nobody lost.
 */

import type { RunnerRecord } from '@flamejs/protocol';
import type { Instance } from '@flamejs/queue';
import type { Stray } from '../plan/strays.ts';
import type { IntentRecord } from '../record/intent.ts';
import type { Sighting } from '../record/sighting.ts';
import type { PoolSnapshot } from '../store/store.ts';
import type { Listing } from './listing.ts';

export interface Look {
  /** Monotonic ms. */
  readonly at: number;
  readonly snapshot: PoolSnapshot | null;
  readonly listing: Listing | null;
}

export interface Watch {
  /**
   * Takes in one tick's observation. @param maxGapMs a longer pause between two good looks starts the watching anew
   * @param longestStepMs what counts of a shorter one at most: the rest this process has slept through, or was not looking
   */
  note(look: Look, maxGapMs: number, longestStepMs: number): void;
  /** A call has just changed, or may have changed, what the provider would list. */
  touched(runnerId: string, at: number): void;
  /** @param now on the clock of the record's times */
  sighting(record: IntentRecord, locks: Sighting['locks'], elsewhere: boolean, now: number): Sighting;
  silentMs(runnerId: string): number;
  strays(records: readonly IntentRecord[]): readonly Stray[];
  steadyMs(): number;
}

/** Newest sleeps that are remembered. */
const SLEEPS = 20;

interface Heart {
  readonly beat: number;
  readonly silentMs: number;
  readonly moved: boolean;
}

export const createWatch = (): Watch => {
  let look: Look = { at: 0, snapshot: null, listing: null };
  let lastGoodAt: number | null = null;
  let steadyMs = 0;
  let agents = new Map<string, RunnerRecord>();
  let instances = new Map<string, Instance>();
  const hearts = new Map<string, Heart>();
  const absences = new Map<string, { readonly count: number; readonly seq: number }>();
  const touches = new Map<string, number>();
  const sleeps: { readonly at: number; readonly ms: number }[] = [];
  const unknown = new Map<string, { readonly count: number; readonly seq: number; readonly since: number }>();

  const noteSleep = (at: number, ms: number): void => {
    if (ms > 0) sleeps.push({ at, ms });
    if (sleeps.length > SLEEPS) sleeps.shift();
  };
  const sleptWithin = (pastMs: number): number =>
    sleeps.reduce((sum, { at, ms }) => sum + (look.at - at < pastMs ? Math.min(ms, pastMs) : 0), 0);

  const noteHearts = (elapsedMs: number | null): void => {
    for (const [id, heart] of hearts) {
      const beat = agents.get(id)?.heartbeatAt ?? 0;
      const moved = beat !== heart.beat;
      const silentMs = moved || elapsedMs === null ? 0 : heart.silentMs + elapsedMs;
      hearts.set(id, { beat, silentMs, moved: heart.moved || moved });
    }
    for (const [id, agent] of agents) {
      if (!hearts.has(id)) hearts.set(id, { beat: agent.heartbeatAt, silentMs: 0, moved: false });
    }
  };

  return {
    note(next, maxGapMs, longestStepMs) {
      if (look.at > 0) noteSleep(next.at, next.at - look.at - longestStepMs);
      look = next;
      if (next.listing !== null) instances = new Map(next.listing.instances.map((i) => [i.runnerId, i]));
      if (next.snapshot === null) {
        steadyMs = 0;
        lastGoodAt = null;
        return;
      }
      agents = new Map(next.snapshot.agents.map((agent) => [agent.runnerId, agent]));
      const elapsed = lastGoodAt === null ? null : next.at - lastGoodAt;
      const unbroken = elapsed !== null && elapsed >= 0 && elapsed <= maxGapMs;
      const watched = unbroken ? Math.min(elapsed, longestStepMs) : null;
      steadyMs = watched === null ? 0 : steadyMs + watched;
      lastGoodAt = next.at;
      noteHearts(watched);
    },
    touched(runnerId, at) {
      touches.set(runnerId, at);
      absences.delete(runnerId);
    },
    sighting(record, locks, elsewhere, now) {
      const { runnerId } = record;
      if (!hearts.has(runnerId))
        hearts.set(runnerId, { beat: agents.get(runnerId)?.heartbeatAt ?? 0, silentMs: 0, moved: false });
      return {
        agent: look.snapshot === null ? 'unknown' : (agents.get(runnerId) ?? null),
        silentMs: look.snapshot === null ? 0 : (hearts.get(runnerId)?.silentMs ?? 0),
        instance: instanceOf(runnerId, elsewhere),
        absences: absences.get(runnerId)?.count ?? 0,
        locks,
        steadyMs,
        sleptMs: sleptWithin(now - record.stateSince),
        elsewhere,
      };
    },
    silentMs: (runnerId) => hearts.get(runnerId)?.silentMs ?? 0,
    strays(records) {
      const known = new Set(records.map(({ runnerId }) => runnerId));
      forgetOthers(known);
      if (look.listing === null) return [...unknown.keys()].flatMap((id) => strayOf(id, known));
      return look.listing.instances.flatMap(({ runnerId }) => strayOf(runnerId, known));
    },
    steadyMs: () => steadyMs,
  };

  function instanceOf(runnerId: string, elsewhere: boolean): Sighting['instance'] {
    const listing = look.listing;
    if (listing === null) return 'unknown';
    const instance = instances.get(runnerId);
    if (instance !== undefined) {
      absences.delete(runnerId);
      return instance;
    }
    // A list that was asked for before the last call on this runner cannot know that call's effect.
    if (elsewhere || listing.startedAt < (touches.get(runnerId) ?? 0)) return 'unknown';
    const before = absences.get(runnerId);
    if (before === undefined || listing.seq > before.seq) {
      absences.set(runnerId, { count: (before?.count ?? 0) + 1, seq: listing.seq });
    }
    return 'absent';
  }

  function strayOf(runnerId: string, known: ReadonlySet<string>): readonly Stray[] {
    const instance = instances.get(runnerId);
    if (instance === undefined || instance.state === 'gone' || known.has(runnerId)) return [];
    const seq = look.listing?.seq ?? 0;
    const before = unknown.get(runnerId) ?? { count: 0, seq: 0, since: look.at };
    const now = seq > before.seq ? { ...before, count: before.count + 1, seq } : before;
    unknown.set(runnerId, now);
    const heart = hearts.get(runnerId);
    const agent = agents.get(runnerId);
    const alive = agent !== undefined && agent.state !== 'ended' && heart?.moved === true && heart.silentMs < 10_000;
    return [{ instance, sightings: now.count, seenMs: look.at - now.since, alive }];
  }

  /** Memory follows what exists, so that a controller that runs for months does not grow. */
  function forgetOthers(known: ReadonlySet<string>): void {
    for (const map of [absences, touches]) for (const id of map.keys()) if (!known.has(id)) map.delete(id);
    for (const id of hearts.keys()) if (!known.has(id) && !agents.has(id)) hearts.delete(id);
    if (look.listing === null) return;
    for (const id of unknown.keys()) if (known.has(id) || !instances.has(id)) unknown.delete(id);
  }
};
