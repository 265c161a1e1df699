/** What a leader remembers of a pool between two ticks. It starts empty with each term; what must last is in the store. */

import type { PlatformStatus } from '@flamejs/protocol';
import type { PoolSettings } from '@flamejs/queue';
import type { Ledger } from './account/ledger.ts';
import { type Measures, NO_MEASURES } from './observe/measures.ts';
import { createWatch, type Watch } from './observe/watch.ts';
import { type Breaker, CLOSED } from './plan/breaker.ts';
import { type CapacityGate, OPEN_GATE } from './plan/capacity.ts';
import { fullLimiter, type Limiter, type LimiterRate } from './plan/limiter.ts';
import type { Target } from './plan/plan.ts';
import type { ReleaseChoice } from './plan/release.ts';
import { EMPTY_WINDOW, type WishWindow } from './plan/window.ts';
import type { Astray } from './platform/obedience.ts';
import { createTeller, type Teller } from './platform/teller.ts';
import type { NewEvent } from './store/store.ts';
import { createThinner, RESOLUTIONS, type Resolution, type Thinner } from './thinning.ts';

export interface PoolMemory {
  readonly watch: Watch;
  effective: PoolSettings;
  /** The raw settings that were read last, to notice a change. */
  settingsText: string | null;
  window: WishWindow;
  policyMemory: unknown;
  measures: Measures;
  breaker: Breaker;
  gate: CapacityGate;
  limiter: Limiter;
  /** Runners whose `unless` function asked for more time, and until when. */
  readonly kept: Map<string, number>;
  /** Runners whose idleness has been reported. */
  readonly idleTold: Set<string>;
  /** Runners whose termination has been reported as stuck. */
  readonly stuckTold: Set<string>;
  /** Runners with an action under way. */
  readonly busy: Set<string>;
  paused: boolean | null;
  target: Target | null;
  desired: number | null;
  reasons: readonly string[];
  blocked: string | null;
  /** Of which runners are launched, and since when. */
  release: ReleaseChoice;
  /** The last decision of a pool that a platform scales; a predecessor's too, until there is another. */
  platform: PlatformStatus | null;
  /** In which direction the platform is off what it was told, and since when. */
  astray: Astray | null;
  readonly teller: Teller;
  sampledAt: number;
  readonly events: NewEvent[];
  readonly ledger: Ledger;
  readonly thinners: readonly { readonly resolution: Resolution; readonly thinner: Thinner }[];
}

export const poolMemory = (
  effective: PoolSettings,
  rate: LimiterRate,
  now: number,
  release: ReleaseChoice,
  ledger: Ledger,
  breaker: Breaker = CLOSED,
): PoolMemory => ({
  watch: createWatch(),
  effective,
  settingsText: null,
  window: EMPTY_WINDOW,
  policyMemory: undefined,
  measures: NO_MEASURES,
  breaker,
  gate: OPEN_GATE,
  limiter: fullLimiter(rate, now),
  kept: new Map(),
  idleTold: new Set(),
  stuckTold: new Set(),
  busy: new Set(),
  paused: null,
  target: null,
  desired: null,
  reasons: [],
  blocked: null,
  release,
  platform: null,
  astray: null,
  teller: createTeller(),
  sampledAt: Number.NEGATIVE_INFINITY,
  events: [],
  ledger,
  thinners: RESOLUTIONS.map((resolution) => ({ resolution, thinner: createThinner(resolution) })),
});
