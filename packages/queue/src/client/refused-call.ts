/** The error of a call that its store refused. */
import { type FlameError, FlameIdConflictError, FlameQueueFullError } from '@flamejs/protocol/errors';
import type { Acceptance } from '@flamejs/protocol/store/call-store';
import type { PoolConfig } from '../config/types.ts';

export const refusedCall = (
  acceptance: Exclude<Acceptance, 'accepted'>,
  callId: string,
  pool: PoolConfig,
): FlameError => {
  if (acceptance === 'id-conflict') {
    const message = `call ${callId}: the same id was used before with another function or other arguments`;
    return new FlameIdConflictError(message, { callId });
  }
  const limit = pool.maxPending;
  const message = `pool "${pool.name}" has ${limit} calls waiting already (maxPending)`;
  return new FlameQueueFullError(message, { pending: limit, limit });
};
