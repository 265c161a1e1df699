/**
 * What has to happen to calls that nobody is busy with: those whose runners are gone, whose delay is over, or whose waiting has lasted
 * too long. The same wherever they are kept; every step is safe to run twice and at the same time elsewhere.
 */
import { errorOutcome, ranOf } from './attempt/outcome-of.ts';
import { endCall } from './end-call.ts';
import { endWaiting } from './end-waiting.ts';
import { FlameRunnerLostError } from './errors/index.ts';
import { decideExpiry } from './expiry.ts';
import type { PoolStatus } from './explain.ts';
import type { Vault } from './payload/vault.ts';
import type { CallStore, TakenBack } from './store/call-store.ts';

export interface Upkeep {
  /** Takes calls back whose locks have run out, and fails those that must not run again. @returns ids taken back */
  recoverStalled(): Promise<readonly string[]>;
  /** Takes back at once what a runner held that is known to be gone, and why. @returns ids taken back */
  releaseRunner(runnerId: string, why?: string): Promise<readonly string[]>;
  /** Moves delayed calls that are due to waiting. @returns how many calls wait now */
  promoteDelayed(): Promise<number>;
  /** Ends waiting that has lasted too long, for callers that are gone. @returns how many calls ended */
  expire(): Promise<number>;
}

export interface UpkeepOptions {
  readonly store: CallStore;
  readonly pool: string;
  readonly vault: Vault;
  /** What the autoscaler says of the pool. */
  readonly status: () => Promise<PoolStatus | undefined>;
}

/** Most calls that one step looks at; the next step goes on. */
const BATCH = 200;

export const createUpkeep = ({ store, pool, vault, status }: UpkeepOptions): Upkeep => {
  const failUnrepeatable = async (takenBack: readonly TakenBack[], why?: string): Promise<readonly string[]> => {
    for (const { callId, failOnLoss } of takenBack) {
      if (!failOnLoss) continue;
      const call = await store.inspect(callId);
      if (!call.failOnLoss || call.runnerId === undefined || call.state !== 'waiting') continue;
      const error = new FlameRunnerLostError(
        `call ${callId}: its runner ${call.runnerId} was lost${why ? ` (${why})` : ''}, and onRunnerLost is 'fail'`,
        { callId, losses: call.runnerLosses + 1 },
      );
      await endCall(store, callId, { ...errorOutcome(ranOf(call), error), generation: call.generation }, vault);
    }
    return takenBack.map(({ callId }) => callId);
  };

  return {
    recoverStalled: async () => failUnrepeatable(await store.reclaim()),
    releaseRunner: async (runnerId, why) => failUnrepeatable(await store.release(runnerId), why),
    promoteDelayed: () => store.promote(),
    async expire() {
      let ended = 0;
      for (const callId of await store.overdue(BATCH)) {
        const call = await store.inspect(callId);
        if (call.state === 'missing' || call.state === 'settled' || call.state === 'expired') {
          await store.setOverdue(callId, undefined);
          continue;
        }
        const decision = decideExpiry(call, undefined);
        if (decision.kind === 'keep') {
          await store.setOverdue(callId, call.now + decision.againInMs);
          continue;
        }
        const about = { callId, pool, call, decision, status: await status() };
        if ((await endWaiting(store, about, vault)) === 'settled') ended += 1;
      }
      return ended;
    },
  };
};
