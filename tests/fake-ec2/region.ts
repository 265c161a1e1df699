/** Everything that one fake region holds; what the actions work on. */
import { randomBytes } from 'node:crypto';
import { type Audit, createAudit } from './audit.ts';
import { createFaults, type Faults } from './faults.ts';
import type { Machine } from './machine.ts';
import type { Knobs } from './options.ts';
import { createThrottle } from './throttle.ts';
import { createTokenStore, type TokenStore } from './tokens.ts';

export interface Region {
  readonly knobs: Knobs;
  readonly machines: Map<string, Machine>;
  readonly tokens: TokenStore;
  readonly faults: Faults;
  readonly audit: Audit;
  readonly throttle: (action: string) => void;
  /** Hooks that are being stopped; `close` waits for them. */
  readonly stopping: Set<Promise<void>>;
  /** Continuations of paginated lists. */
  readonly pages: Map<string, { readonly ids: readonly string[]; readonly query: string }>;
}

export const createRegion = (knobs: Knobs): Region => {
  const machines = new Map<string, Machine>();
  return {
    knobs,
    machines,
    tokens: createTokenStore(knobs.tokenBindsOnFailure),
    faults: createFaults(),
    audit: createAudit(machines, knobs),
    throttle: createThrottle(knobs.buckets, knobs.clock),
    stopping: new Set(),
    pages: new Map(),
  };
};

export const hexId = (prefix: string): string => `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;
