/** Where the calls of an app are kept, as one process sees them: in Redis, or in this process. What is asked of a call is asked here. */
import type { PoolStatus } from '@flamejs/protocol/explain';
import type { SettledWaiting } from '@flamejs/protocol/outcome';
import type { Vault } from '@flamejs/protocol/payload/vault';
import type { CallStore } from '@flamejs/protocol/store/call-store';
import type { PoolConfig } from '../config/types.ts';
import type { Settler } from './pending.ts';

export interface NoteListener {
  onMessage(note: Buffer): void;
  /** Messages may have been missed. */
  onGap(): void;
}

export interface CallPlace {
  readonly vault: Vault;
  /** Asks the store of a pool about a call. @throws FlameUnavailableError when it cannot be reached in time */
  ask<T>(pool: PoolConfig, callId: string, question: (store: CallStore) => Promise<T>): Promise<T>;
  /** What the autoscaler says of a pool; `undefined` when none has ever seen it. */
  poolStatus(pool: PoolConfig): Promise<PoolStatus | undefined>;
  /** Waits for a call that somebody has accepted before. Rejects when that cannot be done now. */
  join(callId: string, pool: PoolConfig, settler: Settler): Promise<void>;
  leave(callId: string, settler: Settler): void;
  /** Ends a call that has not begun, and stops one that has. @throws FlameUnavailableError */
  cancel(callId: string, pool: PoolConfig, reason: string): Promise<SettledWaiting>;
  /** As `cancel`, as soon as that can be done. Never throws. */
  giveUp(callId: string, pool: PoolConfig, reason: string): void;
  /** Follows a call's progress. Resolves when messages arrive. @returns how to stop */
  follow(callId: string, pool: PoolConfig, listener: NoteListener): Promise<() => void>;
  /** There is something to do again in a pool. Never throws. */
  wake(pool: PoolConfig): void;
}
