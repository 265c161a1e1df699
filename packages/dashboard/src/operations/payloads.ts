/** Arguments, results and errors, read one call at a time and only up to a size; what is larger is named, not read. */

import { type Envelope, fetchBody, isSealed, parseEnvelope, parseHead, parseObject } from '@flamejs/protocol';
import { decode } from '@flamejs/queue/internal';
import type { Link } from './link.ts';
import { type Json, LIST_LIMITS, type PresentLimits, present } from './present.ts';
import type { Shown } from './types.ts';

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
  if (args !== null) return link.preview({ ...options, encoded: args, size, asError: false });
  const { sealed } = envelope;
  const bytes = sealed === undefined ? await link.client.getBuffer(keys.args(id)) : Buffer.from(sealed, 'base64');
  if (bytes === null) return { kind: 'none' };
  return show(link, { id, kind: 'arguments', bytes }, options);
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
  return show(link, { id, kind: ok ? 'result' : 'error', bytes: body }, options);
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

interface Stored {
  readonly id: string;
  readonly kind: 'arguments' | 'result' | 'error';
  readonly bytes: Buffer;
}

/** Sealed bytes are opened where this process has what it takes; secrets among them stay closed in any case. */
const show = async (link: Link, { id: callId, kind, bytes }: Stored, options: ShowOptions): Promise<Shown> => {
  const size = bytes.length;
  let frame: Uint8Array = bytes;
  try {
    // What was stored before this app sealed anything is still shown.
    if (isSealed(bytes)) frame = await link.vault.open(bytes, { callId, kind, limit: options.limit });
  } catch (error) {
    return { kind: 'unreadable', message: error instanceof Error ? error.message : String(error), size };
  }
  return link.preview({ ...options, encoded: frame, size, asError: kind === 'error' });
};
