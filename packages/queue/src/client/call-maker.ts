/** What makes calls: over Redis, in this process, or through the runner when the code runs in an executor. */
import type { PoolConfig } from '../config/types.ts';
import type { CallRequest } from './caller.ts';
import type { CallControls } from './handle.ts';
import type { Settler } from './pending.ts';
import type { ScheduleHandle, ScheduleTiming } from './schedule.ts';
import type { ItemFeed } from './stream/item-feed.ts';

export interface CallMaker {
  /**
   * Accepts a call under this id; inside of a function the runner gives it one of its own. `settler`, when given, is told of the
   * outcome. @returns the call's id once it is accepted
   */
  submit(request: CallRequest, settler: Settler | undefined, id: string): Promise<string>;
  /** As `submit`, for a call that is awaited: the settler is also told what stands in its way. Never throws. */
  begin(request: CallRequest, settler: Settler, id: string): void;
  handle<Result>(pool: PoolConfig, id: string): CallControls<Result>;
  /** The items of a call. @param isOwner its reading moves the window */
  feed(pool: PoolConfig, id: string, isOwner: boolean): ItemFeed;
  /** Of calls that a runner makes for its functions, which have other ids than they were asked under: the id, now or once there is one. */
  idOf?(id: string): string;
  acceptedAs?(id: string): Promise<string>;
  /** What the function has passed to `context().ready`; `undefined` before. */
  readiness(pool: PoolConfig, id: string): Promise<{ readonly value: unknown } | undefined>;
  /** Resolves when a call is over, or no longer known. Never rejects, and keeps no process alive. */
  whenOver(pool: PoolConfig, id: string): Promise<void>;
  /** Stops a call whose signal was aborted. Never throws. */
  abort(id: string, pool: PoolConfig, reason: string): void;
  schedule(id: string, timing: ScheduleTiming, request: CallRequest): Promise<ScheduleHandle>;
  close(): Promise<void>;
}

/** For makers that cannot do without waiting. */
export const beginBy =
  (submit: CallMaker['submit']): CallMaker['begin'] =>
  (request, settler, id) => {
    submit(request, settler, id).catch((error) => settler.reject(error));
  };
