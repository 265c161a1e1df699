/**
 * Platforms as they are: they ask now and then, obey late, start too many, do nothing within a tenth, end whom they like, and keep
 * what they have when they hear an error.
 */
import type { Container, PlatformWorld } from './world.ts';

export interface Platform {
  readonly name: string;
  /** What it would have now. */
  replicas: number;
  /** Called once a second. */
  step(): void;
}

export interface Habits {
  readonly everyMs: number;
  /** Between hearing a number and acting on it. */
  readonly lagMs: number;
  /** A relative difference within which it does nothing. */
  readonly tolerance: number;
  /** What it starts beyond the number, at most. */
  readonly overshoot: number;
  /** Fewer than it is told, and never less than this. */
  readonly least: number;
  /** Ends parked and idle ones before busy ones, where it is told who they are. */
  readonly picks: 'anyone' | 'cheapest';
  /** It goes down only to the largest number it has heard for so long. */
  readonly windowMs: number;
}

/** Kubernetes' own autoscaler on an external metric. */
export const hpa = (world: PlatformWorld): Platform =>
  platform('hpa', world, {
    everyMs: 15_000,
    lagMs: 3_000,
    tolerance: 0.1,
    overshoot: 0,
    least: 1,
    picks: 'cheapest',
    windowMs: 60_000,
  });
/** KEDA's, which asks by itself and can go to zero. */
export const keda = (world: PlatformWorld): Platform =>
  platform('keda', world, {
    everyMs: 5_000,
    lagMs: 2_000,
    tolerance: 0,
    overshoot: 2,
    least: 0,
    picks: 'cheapest',
    windowMs: 30_000,
  });
/** A service that is pushed to, and ends whom it likes. */
export const ecs = (world: PlatformWorld): Platform =>
  platform('ecs', world, {
    everyMs: 1_000,
    lagMs: 20_000,
    tolerance: 0,
    overshoot: 1,
    least: 0,
    picks: 'anyone',
    windowMs: 0,
  });

const platform = (name: string, world: PlatformWorld, habits: Habits): Platform => {
  const { clock } = world;
  const heard: { readonly at: number; readonly wanted: number }[] = [];
  let askedAt = 0;
  const self: Platform = {
    name,
    replicas: habits.least,
    step() {
      const now = clock.mono();
      if (now - askedAt >= habits.everyMs) {
        askedAt = now;
        hear(now);
      }
      act(now);
    },
  };

  const hear = (now: number): void => {
    const answer = world.ask();
    // An error is no number.
    if (!answer.known) return;
    if (answer.wanted === 0 && world.pending() > 0 && answer.ageMs < 1_000 && world.living().some(isBusy))
      world.violations.push(`told 0 while ${world.pending()} calls are there`);
    heard.push({ at: now, wanted: answer.wanted });
  };

  const act = (now: number): void => {
    const due = heard.filter(({ at }) => now - at >= habits.lagMs);
    const last = due.at(-1);
    if (last !== undefined) {
      const recent = due.filter(({ at }) => at >= last.at - habits.windowMs).map(({ wanted }) => wanted);
      const target = Math.max(habits.least, last.wanted < self.replicas ? Math.max(...recent) : last.wanted);
      const off = self.replicas === 0 ? 1 : Math.abs(target / self.replicas - 1);
      if (target !== self.replicas && off > habits.tolerance) self.replicas = target;
    }
    const living = world.living();
    const extra = living.length < self.replicas ? Math.floor(clock.random() * (habits.overshoot + 1)) : 0;
    for (let n = living.length; n < self.replicas + extra; n += 1) world.start();
    for (const victim of victims(living, living.length - self.replicas - habits.overshoot)) world.stop(victim);
  };

  const victims = (living: readonly Container[], count: number): readonly Container[] =>
    [...living]
      .map((container) => ({ container, cost: habits.picks === 'anyone' ? clock.random() : costOf(container) }))
      .sort((a, b) => a.cost - b.cost)
      .slice(0, Math.max(0, count))
      .map(({ container }) => container);

  return self;
};

const isBusy = ({ calls }: Container): boolean => calls.length > 0;
const costOf = (container: Container): number => (container.state === 'drained' ? -1 : isBusy(container) ? 1 : 0);
