/** Whether the platform does what it is told: that it is off in one direction for longer than a runner takes to come. Pure. */

export interface Astray {
  readonly direction: 'few' | 'many';
  readonly since: number;
}

export interface Obedience {
  readonly wanted: number;
  /** Runners that have registered and answer … */
  readonly registered: number;
  /** … and of these, those that have come up: what crashes while it boots is none of those that are wanted. */
  readonly ready: number;
  readonly now: number;
  /** How long it may take. */
  readonly patienceMs: number;
}

/** @returns what to remember until the next look */
export const noteObedience = (before: Astray | null, { wanted, registered, ready, now }: Obedience): Astray | null => {
  if (ready >= wanted && registered <= wanted) return null;
  const direction = ready < wanted ? 'few' : 'many';
  return before?.direction === direction ? before : { direction, since: now };
};

/** @returns what it does not obey, in words; `undefined` while it does, or may still be at it */
export const disobedience = (astray: Astray | null, look: Obedience): string | undefined => {
  const { wanted, registered, ready, now, patienceMs } = look;
  if (astray === null || now - astray.since < patienceMs) return undefined;
  const minutes = Math.max(1, Math.round((now - astray.since) / 60_000));
  const few = astray.direction === 'few';
  const count = few ? ready : registered;
  const are = few ? 'ready' : 'registered';
  const said = `the platform was told ${wanted}, and ${count} ${count === 1 ? 'runner has' : 'runners have'} been ${are} for ${minutes} min`;
  const advice = few
    ? 'look at its events: no room, a bad image, a maximum of its own'
    : 'look at its minimum, and at who else scales it';
  // An autoscaler of Kubernetes does nothing within a tenth, unless it is told so.
  const within = wanted > 0 && Math.abs(count / wanted - 1) <= 0.1;
  return `${said}: ${within ? 'a difference within 10 %, where an HPA does nothing unless its tolerance is 0' : advice}`;
};
