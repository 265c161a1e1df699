/**
 * Calls that functions make in inline mode: the bounds on loops, and the rights over other calls, that they would have on a
 * runner.
 */
import { comesBack, descend, refuseDeadlock, tooDeep, tooOften } from '@flamejs/protocol/descent';
import { gatesOf, heldGates } from '@flamejs/protocol/limits';
import type { AppConfig } from '../config/types.ts';
import { maybeContext } from '../context.ts';
import type { CallRequest } from './caller.ts';
import { endOf, type InlineCall } from './inline-calls.ts';
import type { InlinePlace } from './inline-place.ts';
import { createNestedRights, type NestedRights } from './nested-rights.ts';

export interface InlineLines {
  /** @returns the request with the line that it stands in, when a function makes it. @throws FlameCallLoopError */
  descended(request: CallRequest): Promise<CallRequest>;
  /** The call exists: the function that runs here may look at it, now and later. */
  made(id: string): void;
  /** @throws FlameLimitDeadlockError when the function that runs here may not await the call */
  mayAwait(id: string): void;
  /** @returns nothing to wait for when the application asks. @throws FlameAccessError when a function does that has no right */
  check(id: string, pool: string): Promise<void> | undefined;
}

export const createInlineLines = (config: AppConfig, place: Pick<InlinePlace, 'get'>): InlineLines => {
  const rights = new WeakMap<InlineCall, NestedRights>();
  const rate = createLoopRate(config.maxLoopRate);

  /** The call whose function runs this code; `undefined` for the application. */
  const asking = (): InlineCall | undefined => place.get(maybeContext()?.callId ?? '');

  const rightsOf = (call: InlineCall): NestedRights => {
    const known = rights.get(call);
    if (known !== undefined) return known;
    const { pool, payload } = call.request;
    const made = createNestedRights({
      config,
      maker: makerOf(call),
      args: () => payload.json,
      all: pool.callAccess === 'all',
      lineOf: async (id) => place.get(id)?.request.line,
    });
    rights.set(call, made);
    return made;
  };

  return {
    async descended(request) {
      const call = asking();
      if (call === undefined) return request;
      const { kind, functionName, payload } = request;
      const given = await rightsOf(call).passedOn(payload.json);
      const line = descend(makerOf(call), { kind, functionName, given });
      if (line.depth > config.maxCallDepth) throw tooDeep(line, functionName, config.maxCallDepth);
      if (kind === 'cast' && comesBack(line, functionName) && !rate.take(line.root))
        throw tooOften(line, functionName, config.maxLoopRate);
      if (kind === 'call') refuseDeadlock(makerOf(call), wantedBy(request, `"${functionName}"`));
      return { ...request, line };
    },
    mayAwait(id) {
      const call = asking();
      const wanted = place.get(id);
      if (call === undefined || wanted === undefined || endOf(wanted) !== undefined) return;
      refuseDeadlock(makerOf(call), wantedBy(wanted.request, `call ${id}`));
    },
    made(id) {
      const call = asking();
      if (call !== undefined) rightsOf(call).made(id);
    },
    check(id, pool) {
      const call = asking();
      return call === undefined ? undefined : rightsOf(call).check(id, pool);
    },
  };
};

const makerOf = ({ id, request }: InlineCall) => ({
  callId: id,
  functionName: request.functionName,
  descent: request.line,
  gates: heldGates(request.pool.name, gatesOf(request.functionName, request.limits ?? [])),
});

const wantedBy = ({ pool, functionName, limits = [] }: CallRequest, what: string) => ({
  pool: pool.name,
  gates: gatesOf(functionName, limits),
  what,
});

const WINDOW_MS = 1_000;
/** Lines that are remembered; they are forgotten together, for none of them matters for longer than a moment. */
const MOST_LINES = 10_000;

/** As `flameLoopRate` counts in Redis: so many within any second, evenly refilled. */
const createLoopRate = (perSecond: number) => {
  const every = WINDOW_MS / perSecond;
  const lines = new Map<string, number>();
  return {
    /** @returns whether the line may cast once more now */
    take(root: string): boolean {
      const now = performance.now();
      const at = Math.max(lines.get(root) ?? 0, now);
      if (at - now > WINDOW_MS - every) return false;
      if (lines.size >= MOST_LINES) lines.clear();
      lines.set(root, at + every);
      return true;
    },
  };
};
