/** Parameters of requests: parsed here, or answered with 400. */
import { FlameConfigError } from '@flamejs/queue';
import type { Context } from 'hono';
import { CALL_STATES } from '../operations/call-list.ts';
import type { CallListState, CallQuery } from '../operations/types.ts';

/** Calls in one page. */
const MOST_CALLS = 200;

/** @throws FlameConfigError unless it is a whole number from `low` to `high` */
export const wholeParam = (c: Context, name: string, fallback: number, low: number, high: number): number => {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (/^\d{1,12}$/.test(text) && value >= low && value <= high) return value;
  throw badParam(name, `a whole number from ${low} to ${high} is needed`);
};

export const callQuery = (c: Context): CallQuery => {
  const { pool, state, function: functionName, cursor } = c.req.query();
  if (state !== undefined && !isState(state)) throw badParam('state', `one of ${CALL_STATES.join(', ')} is needed`);
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(state === undefined ? {} : { state }),
    ...(functionName === undefined ? {} : { functionName }),
    limit: wholeParam(c, 'limit', 50, 1, MOST_CALLS),
    ...(cursor === undefined ? {} : { cursor }),
  };
};

/** @returns the fields of a JSON body, {} for none. */
export const readBody = async (c: Context): Promise<Readonly<Record<string, unknown>>> => {
  const text = await c.req.text();
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw badParam('body', 'a JSON object is needed');
};

export const badParam = (name: string, message: string): FlameConfigError =>
  new FlameConfigError(`${name}: ${message}`, { problems: [{ path: name, message }] });

const isState = (value: string): value is CallListState => CALL_STATES.includes(value as CallListState);
