/**
 * Where a call comes from: the calls that made it, one by the other. It travels in the signed envelope, so that calls which
 * make themselves without end are found out wherever they run, and a function's rights can be told. Pure.
 */
import { FlameCallLoopError } from './errors/index.ts';

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
}

/** A running call that makes another one. */
export interface Maker {
  readonly callId: string;
  readonly functionName: string;
  /** `undefined` for a call that the application made. */
  readonly descent: Descent | undefined;
}

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
  return {
    root: descent?.root ?? callId,
    above: above.slice(-MOST_ABOVE),
    fns: [...new Set([...(descent?.fns ?? []), functionName])].slice(-MOST_FUNCTIONS),
    // What is cast is awaited by nobody: a new row begins.
    depth: made.kind === 'call' ? (descent?.depth ?? 1) + 1 : 1,
    given: made.given.slice(0, MOST_GIVEN),
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

const describe = ({ root, fns }: Descent, functionName: string): string =>
  `"${functionName}" is not called by ${fns.map((fn) => `"${fn}"`).join(' > ')}, in the line of call ${root}`;

/** Whether what stands in an envelope is one. */
export const isDescent = (value: unknown): value is Descent => {
  if (typeof value !== 'object' || value === null) return false;
  const { root, above, fns, depth, given } = value as Partial<Descent>;
  return (
    typeof root === 'string' &&
    Number.isSafeInteger(depth) &&
    [above, fns, given].every((list) => Array.isArray(list) && list.every((item) => typeof item === 'string'))
  );
};
