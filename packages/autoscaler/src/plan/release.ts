/**
 * Of which release runners are launched. It is the autoscaler's own, until calls of another release wait in vain and that
 * one is newer, or the present one is no longer called by anybody. Pure; all times are Redis ms.
 */

/** What a pool knows of one release. */
export interface ReleaseSight {
  readonly release: string;
  /** When a call of it was first met, and last. */
  readonly firstAt: number;
  readonly calledAt: number;
  /** Calls of it that wait for a runner of it. */
  readonly parked: number;
}

export interface ReleaseChoice {
  readonly release: string;
  readonly since: number;
}

export interface ReleaseQuestion {
  readonly sights: readonly ReleaseSight[];
  readonly now: number;
  /** A release without a call for so long is out of use. */
  readonly quietMs: number;
  /** Whether the backend can bring up a runner of this release. */
  readonly boots: (release: string) => boolean;
}

/**
 * Two releases that are called at the same time must not take the pool from each other in turn: only a release that came
 * later than the present one does, so each takes it once; an older one gets it back when nobody calls the present one.
 */
export const chooseRelease = (present: ReleaseChoice, question: ReleaseQuestion): ReleaseChoice => {
  const { sights, now, quietMs, boots } = question;
  const own = sights.find(({ release }) => release === present.release);
  const cameAt = Math.max(present.since, own?.firstAt ?? 0);
  const isQuiet = now - Math.max(present.since, own?.calledAt ?? 0) >= quietMs && (own?.parked ?? 0) === 0;
  const next = sights
    .filter(({ release, parked }) => parked > 0 && release !== present.release)
    .filter(({ firstAt }) => firstAt > cameAt || isQuiet)
    .sort((a, b) => b.firstAt - a.firstAt)
    .find(({ release }) => boots(release));
  return next === undefined ? present : { release: next.release, since: now };
};
