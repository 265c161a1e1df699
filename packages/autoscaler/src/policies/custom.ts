/** A user's own function as a policy. */
import type { Policy, PolicyPool, PoolObservation } from '@flamejs/queue';

/**
 * @param decide returns the number of runners wanted, or `'hold'` to keep what is there. It must be pure: dry runs and the
 *   simulator call it too. When it throws, or returns something else, the pool holds.
 */
export const customPolicy = (
  name: string,
  decide: (observation: PoolObservation, pool: PolicyPool) => number | 'hold',
): Policy => ({
  name,
  desired(observation, pool) {
    const desired = decide(observation, pool);
    return desired === 'hold' ? 'hold' : { desired, memory: undefined, reasons: [`${name}: ${desired}`] };
  },
});
