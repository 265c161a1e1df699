/** Arguments, results and errors, read one call at a time and only up to a size; what is larger is named, not read. */

import { type Envelope, fetchBody, isSealed, parseEnvelope, parseHead, parseObject } from '@flamejs/protocol';
import { decode, redactText, unpackPayload } from '@flamejs/queue/internal';
import type { Link } from './link.ts';
import { type Json, LIST_LIMITS, PAGE_LIMITS, type PresentLimits, present } from './present.ts';
import type { Shown, ShownError } from './types.ts';

export interface ShowOptions {
  /** Most encoded bytes to read and decode. */
  readonly limit: number;
  /** Whether remote stacks are shown: to operators only. */
  readonly stacks: boolean;
  readonly present?: PresentLimits;
}

/** For the page of one call: bytes read unless more are asked for, and the most that can be. */
export const SHOW_BYTES = 256 * 1024;
export const MOST_BYTES = 4 * 1024 * 1024;

export const showArguments = async (link: Link, pool: string, id: string, options: ShowOptions): Promise<Shown> => {
  const keys = link.keys(pool);
  const data = await link.client.hget(`${keys.queue}${id}`, 'data');
  const envelope = data === null ? undefined : parseEnvelope(parseObject(data));
  if (envelope === undefined) return { kind: 'none' };
  if (typeof envelope === 'string') return { kind: 'unreadable', message: envelope, size: data?.length ?? 0 };
  const { args, size } = envelope;
  if (size > options.limit) return { kind: 'too-large', size, limit: options.limit };
  if (args !== null) return show(() => decode({ json: args, parts: [] }, { limit: options.limit }), size, options);
  const { sealed } = envelope;
  const bytes = sealed === undefined ? await link.client.getBuffer(keys.args(id)) : Buffer.from(sealed, 'base64');
  if (bytes === null) return { kind: 'none' };
  return show(() => opened(link, id, 'arguments', bytes, options.limit), bytes.length, options);
};

/** The result or the error of a call that has ended. */
export const showOutcome = async (link: Link, pool: string, id: string, options: ShowOptions): Promise<Shown> => {
  const keys = link.keys(pool);
  const [head, small] = await Promise.all([
    link.client.hget(keys.outcome(id), 'head'),
    link.client.hstrlen(keys.outcome(id), 'body'),
  ]);
  if (head === null) return { kind: 'none' };
  // A large one stands in a key of its own.
  const size = small > 0 ? small : parseHead(head).size;
  if (size > options.limit) return { kind: 'too-large', size, limit: options.limit };
  const body = await fetchBody(link.client, keys, id);
  if (body === undefined) return { kind: 'none' };
  const { ok } = parseHead(head);
  return show(() => opened(link, id, ok ? 'result' : 'error', body, options.limit), body.length, options, !ok);
};

/** For a list: what stands in the record itself, in short, and nothing that would have to be opened. */
export const showInline = ({ args, sealed }: Envelope, bytes: number): Json | undefined => {
  if (sealed !== undefined) return SEALED_TEXT;
  if (args === null || args.length > bytes) return undefined;
  try {
    return present(decode({ json: args, parts: [] }, { limit: bytes }), LIST_LIMITS).value;
  } catch {
    return undefined;
  }
};

const SEALED_TEXT = '(sealed)';

/** Sealed bytes are opened where this process has what it takes; secrets among them stay closed in any case. */
const opened = async (
  link: Link,
  callId: string,
  kind: 'arguments' | 'result' | 'error',
  bytes: Buffer,
  limit: number,
): Promise<unknown> => {
  // What was stored before this app sealed anything is still shown.
  const frame = isSealed(bytes) ? await link.vault.open(bytes, { callId, kind, limit }) : bytes;
  return decode(unpackPayload(frame), { limit });
};

const show = async (read: () => unknown, size: number, options: ShowOptions, asError = false): Promise<Shown> => {
  let value: unknown;
  try {
    value = await read();
  } catch (error) {
    // A class that only the application registers cannot be rebuilt here.
    return { kind: 'unreadable', message: error instanceof Error ? error.message : String(error), size };
  }
  if (asError && value instanceof Error) return { kind: 'error', ...showError(value, options), size };
  return { kind: 'value', ...present(value, options.present ?? PAGE_LIMITS), size };
};

const CAUSES = 8;
const STACK_LENGTH = 20_000;

const showError = (error: Error, { stacks }: ShowOptions): { error: ShownError; cut: boolean } => {
  const { code, advice } = error as { code?: unknown; advice?: unknown };
  const causes: string[] = [];
  for (let cause = error.cause; cause !== undefined && causes.length < CAUSES; ) {
    causes.push(cause instanceof Error ? redactText(`${cause.name}: ${cause.message}`).slice(0, 1_000) : brief(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const stack = stacks ? String(error.stack ?? '') : '';
  const shown: ShownError = {
    name: String(error.name),
    message: redactText(String(error.message).slice(0, STACK_LENGTH)),
    code: typeof code === 'string' ? code : '',
    advice: typeof advice === 'string' ? advice : '',
    stack: redactText(stack.slice(0, STACK_LENGTH)),
    causes,
  };
  return { error: shown, cut: stack.length > STACK_LENGTH };
};

const brief = (value: unknown): string => JSON.stringify(present(value, PAGE_LIMITS).value).slice(0, 1_000);
