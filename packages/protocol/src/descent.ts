/**
 * Where a call comes from: the calls that made it, one by the other. It travels in the signed envelope, so that calls which
 * make themselves without end are found out wherever they run, and a function's rights can be told. Pure.
 */
import { FlameCallLoopError, FlameLimitDeadlockError } from './errors/index.ts';
import { heldGates } from './limits.ts';

export interface Descent {
  /** The call that the application made, by which casts of the whole line are counted. */
  readonly root: string;
  /** The nearest calls above, the one that made this call last. */
  readonly above: readonly string[];
  /** The functions above, each once. */
  readonly fns: readonly string[];
  /** How many calls await each other in a row, down to this one and with it. */
  readonly depth: number;
  /** Calls whose ids are among its arguments, as far as its maker had a right to them. */
  readonly given: readonly string[];
  /** Places under limits that calls hold which await this one (`heldGates`), and that it must not need itself. */
  readonly gates?: readonly string[];
}

/** A running call that makes another one. */
export interface Maker {
  readonly callId: string;
  readonly functionName: string;
  /** `undefined` for a call that the application made. */
  readonly descent: Descent | undefined;
  /** Its own places under limits (`heldGates`). */
  readonly gates?: readonly string[];
}

/** Places that the calls hold which would await what this one awaits: its own, and those of the calls above that await it. */
export const gatesOfLine = ({ descent, gates = [] }: Maker): readonly string[] => [
  ...new Set([...(descent?.gates ?? []), ...gates]),
];

export interface Made {
  readonly kind: 'call' | 'cast';
  readonly functionName: string;
  readonly given: readonly string[];
}

export const MOST_ABOVE = 32;
/** A line with so many functions in it counts as one that comes back to its own. */
export const MOST_FUNCTIONS = 32;
/** Ids of calls that a call can be given. */
export const MOST_GIVEN = 100;

export const descend = (maker: Maker, made: Made): Descent => {
  const { callId, functionName, descent } = maker;
  const above = [...(descent?.above ?? []), callId];
  const gates = made.kind === 'call' ? gatesOfLine(maker) : [];
  return {
    root: descent?.root ?? callId,
    above: above.slice(-MOST_ABOVE),
    fns: [...new Set([...(descent?.fns ?? []), functionName])].slice(-MOST_FUNCTIONS),
    // What is cast is awaited by nobody: a new row begins.
    depth: made.kind === 'call' ? (descent?.depth ?? 1) + 1 : 1,
    given: made.given.slice(0, MOST_GIVEN),
    ...(gates.length === 0 ? {} : { gates }),
  };
};

/** Whether a function stands in its own line: then casts are counted. */
export const comesBack = (descent: Descent, functionName: string): boolean =>
  descent.fns.includes(functionName) || descent.fns.length >= MOST_FUNCTIONS;

export const tooDeep = (descent: Descent, functionName: string, limit: number): FlameCallLoopError =>
  new FlameCallLoopError(
    `${describe(descent, functionName)}: ${limit} calls await each other in a row already (maxCallDepth)`,
    { reason: 'depth', line: descent.fns },
  );

export const tooOften = (descent: Descent, functionName: string, limit: number): FlameCallLoopError =>
  new FlameCallLoopError(
    `${describe(descent, functionName)}: it stands in its own line, which has cast ${limit} times within a second already (maxLoopRate)`,
    { reason: 'rate', line: descent.fns },
  );

/** What a call would await. */
export interface Wanted {
  readonly pool: string;
  /** The keys of limits that it needs. */
  readonly gates: readonly string[];
  /** For people. */
  readonly what: string;
}

/** @throws FlameLimitDeadlockError when a call in the awaiting line holds what it would wait for, whatever the limit's size */
export const refuseDeadlock = (maker: Maker, { pool, gates, what }: Wanted): void => {
  const line = new Set(gatesOfLine(maker));
  const gate = heldGates(pool, gates).find((name) => line.has(name));
  if (gate === undefined) return;
  const { callId, functionName, descent } = maker;
  const who = maker.gates?.includes(gate) === true ? 'holds' : 'is awaited by a call that holds';
  throw new FlameLimitDeadlockError(
    `"${functionName}" may not await ${what}: it ${who} a place under the same limit and key, and would wait for itself as soon as all places are taken`,
    { callId, line: [...(descent?.fns ?? []), functionName] },
  );
};

const describe = ({ root, fns }: Descent, functionName: string): string =>
  `"${functionName}" is not called by ${fns.map((fn) => `"${fn}"`).join(' > ')}, in the line of call ${root}`;

/** Whether what stands in an envelope is one. */
export const isDescent = (value: unknown): value is Descent => {
  if (typeof value !== 'object' || value === null) return false;
  const { root, above, fns, depth, given, gates = [] } = value as Partial<Descent>;
  return (
    typeof root === 'string' &&
    Number.isSafeInteger(depth) &&
    [above, fns, given, gates].every((list) => Array.isArray(list) && list.every((item) => typeof item === 'string'))
  );
};
