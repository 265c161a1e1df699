/** Whether the platform does what it is told: that it is off in one direction for longer than a runner takes to come. Pure. */

export interface Astray {
  readonly direction: 'few' | 'many';
  readonly since: number;
}

export interface Obedience {
  readonly wanted: number;
  readonly registered: number;
  readonly now: number;
  /** How long it may take. */
  readonly patienceMs: number;
}

/** @returns what to remember until the next look */
export const noteObedience = (before: Astray | null, { wanted, registered, now }: Obedience): Astray | null => {
  if (registered === wanted) return null;
  const direction = registered < wanted ? 'few' : 'many';
  return before?.direction === direction ? before : { direction, since: now };
};

/** @returns what it does not obey, in words; `undefined` while it does, or may still be at it */
export const disobedience = (astray: Astray | null, look: Obedience): string | undefined => {
  const { wanted, registered, now, patienceMs } = look;
  if (astray === null || now - astray.since < patienceMs) return undefined;
  const minutes = Math.max(1, Math.round((now - astray.since) / 60_000));
  const said = `the platform was told ${wanted}, and ${registered} ${registered === 1 ? 'runner has' : 'runners have'} been registered for ${minutes} min`;
  const advice =
    astray.direction === 'few'
      ? 'look at its events: no room, a bad image, a maximum of its own'
      : 'look at its minimum, and at who else scales it';
  // An autoscaler of Kubernetes does nothing within a tenth, unless it is told so.
  const within = wanted > 0 && Math.abs(registered / wanted - 1) <= 0.1;
  return `${said}: ${within ? 'a difference within 10 %, where an HPA does nothing unless its tolerance is 0' : advice}`;
};
