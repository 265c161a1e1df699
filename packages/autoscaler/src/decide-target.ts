/** What a pool's policy and bounds come to at this tick; what they remember is kept. */
import type { RunnerRecord } from '@flamejs/protocol';
import { measure } from './observe/measures.ts';
import { observationOf } from './observe/observation.ts';
import type { Target } from './plan/plan.ts';
import { queueCap } from './plan/queue-cap.ts';
import { decide } from './plan/target.ts';
import type { PoolContext } from './pool-context.ts';
import type { IntentRecord } from './record/intent.ts';
import type { PoolSnapshot } from './store/store.ts';

export const decideTarget = (
  ctx: PoolContext,
  snapshot: PoolSnapshot,
  records: readonly IntentRecord[],
  external: readonly RunnerRecord[],
  useful: number,
  now: number,
): Target => {
  const { memory, pool } = ctx;
  const { effective } = memory;
  memory.measures = measure(memory.measures, now, snapshot.agents);
  const override = effective.override;
  const decided = decide({
    policy: effective.policy,
    pool: {
      name: pool.name,
      min: effective.min,
      max: effective.max,
      maxConcurrency: pool.singleUse ? 1 : pool.maxConcurrency,
      buffer: effective.buffer,
      bootTimeoutMs: pool.bootTimeoutMs,
    },
    observation: observationOf({
      now,
      snapshot,
      records,
      external,
      measures: memory.measures,
      release: memory.release.release,
    }),
    memory: memory.policyMemory,
    window: memory.window,
    scaleDownWindowMs: effective.scaleDownWindowMs,
    idleShutdownAfterMs: effective.idleShutdownAfterMs,
    cap:
      snapshot.bounds === undefined
        ? null
        : queueCap(snapshot.bounds, {
            active: snapshot.active,
            serviceTimeMs: memory.measures.serviceTimeMs,
            bootTimeoutMs: pool.bootTimeoutMs,
          }),
    override: override !== null && snapshot.now < override.until ? override.desired : null,
    useful,
  });
  memory.policyMemory = decided.memory;
  memory.window = decided.window;
  memory.target = decided.target;
  memory.desired = decided.desired;
  memory.reasons = decided.reasons;
  return decided.target;
};
