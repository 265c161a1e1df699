/** Several policies as one: up beats hold, hold beats down. */
import type { Policy, PolicyDecision, PoolObservation } from '@flamejs/queue';
import { current } from './demand.ts';

type Memories = readonly unknown[];

/**
 * The largest wish counts. A policy that holds keeps the others from going below what is there, and so does one that
 * throws: its failure is in the reasons, and it never stops growth that another one wants.
 */
export const combine = (...policies: readonly Policy[]): Policy => ({
  name: `combine(${policies.map((policy) => policy.name).join(', ')})`,
  desired(observation, pool, memory) {
    const memories = (memory ?? []) as Memories;
    const results = policies.map((policy, index): Result => {
      try {
        return { policy, decision: policy.desired(observation, pool, memories[index]) };
      } catch (error) {
        return { policy, decision: 'hold', failure: error instanceof Error ? error.message : String(error) };
      }
    });
    const kept = results.map((result, index) =>
      result.decision === 'hold' ? memories[index] : result.decision.memory,
    );
    return merge(results, observation, kept);
  },
});

interface Result {
  readonly policy: Policy;
  readonly decision: PolicyDecision | 'hold';
  readonly failure?: string;
}

const merge = (results: readonly Result[], observation: PoolObservation, memory: Memories): PolicyDecision | 'hold' => {
  const wishes = results.flatMap(({ decision }) => (decision === 'hold' ? [] : [decision.desired]));
  const held = results.some(({ decision }) => decision === 'hold');
  const reasons = results.flatMap(({ policy, decision, failure }) =>
    decision === 'hold'
      ? [`${policy.name}: ${failure === undefined ? 'hold' : `failed (${failure}), hold`}`]
      : decision.reasons.map((reason) => `${policy.name}: ${reason}`),
  );
  if (wishes.length === 0) return held ? 'hold' : { desired: 0, reasons: ['no policy'], memory };
  const most = Math.max(...wishes);
  return { desired: held ? Math.max(most, current(observation)) : most, reasons, memory };
};
