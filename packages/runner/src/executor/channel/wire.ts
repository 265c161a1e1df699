/** Messages as frames: the fields as JSON, the bytes that a message carries as the frame's body. */
import type { CallMessage, FromExecutor, ToExecutor } from '../messages.ts';
import type { Frame } from './frames.ts';

type Message = ToExecutor | FromExecutor;
type Fields = Record<string, unknown>;

/** The field that holds a message's bytes, by its kind. */
const BYTES: Readonly<Record<string, string>> = {
  returned: 'frame',
  threw: 'frame',
  progress: 'json',
  up: 'json',
  items: 'bytes',
  nested: 'bytes',
  reply: 'bytes',
};

export const toFrame = (message: Message): Frame => {
  if (message.t === 'call') return callFrame(message);
  // The two that each call needs are written field by field: copies of objects cost more than their text.
  if (message.t === 'returned') {
    const { t, seq, marks, unfinished } = message;
    return { head: JSON.stringify({ t, seq, marks, unfinished }), body: message.frame };
  }
  const name = BYTES[message.t];
  if (name === undefined) return { head: JSON.stringify(message), body: undefined };
  const { [name]: body, ...rest } = message as unknown as Fields;
  return { head: JSON.stringify(rest), body: body as Uint8Array | undefined };
};

/**
 * @returns the message; its fields are still to be checked where they are not trusted.
 * @throws SyntaxError when the head is no JSON.
 */
export const fromFrame = ({ head, body }: Frame): unknown => {
  const fields: unknown = JSON.parse(head);
  if (typeof fields !== 'object' || fields === null) return fields;
  const { t } = fields as Fields;
  if (t === 'call') return callFrom(fields as Fields, body ?? Buffer.alloc(0));
  const name = Object.hasOwn(BYTES, String(t)) ? BYTES[t as string] : undefined;
  if (name !== undefined && body !== undefined) (fields as Fields)[name] = body;
  return fields;
};

/** JSON has neither endless time nor keys as bytes; arguments that are JSON already need not be written as JSON again. */
const callFrame = (message: CallMessage): Frame => {
  const { args, timeoutMs, secrets } = message;
  const isText = !(args instanceof Uint8Array);
  const keys = secrets?.keys.map(({ id, key }) => ({ id, key: Buffer.from(key).toString('base64') }));
  const head = JSON.stringify({
    t: message.t,
    seq: message.seq,
    callId: message.callId,
    functionName: message.functionName,
    attempt: message.attempt,
    runnerLosses: message.runnerLosses,
    deadlineAt: message.deadlineAt,
    payloadLimit: message.payloadLimit,
    pool: message.pool,
    trace: message.trace,
    releases: message.releases,
    stream: message.stream,
    args: isText ? 'text' : 'bytes',
    timeoutMs: timeoutMs === Number.POSITIVE_INFINITY ? undefined : timeoutMs,
    secrets: secrets === undefined ? undefined : { scope: secrets.scope, keys },
  });
  return { head, body: isText ? Buffer.from(args.json) : args };
};

/** @param call fresh from its text, and changed */
const callFrom = (call: Fields, body: Uint8Array): Fields => {
  const isText = call.args === 'text';
  call.args = isText ? { json: Buffer.from(body.buffer, body.byteOffset, body.length).toString() } : body;
  call.timeoutMs ??= Number.POSITIVE_INFINITY;
  if (call.secrets !== undefined) call.secrets = openKeys(call.secrets);
  return call;
};

const openKeys = (secrets: unknown): unknown => {
  const { keys, ...rest } = secrets as { readonly keys: readonly { readonly id: string; readonly key: string }[] };
  return { ...rest, keys: keys.map(({ id, key }) => ({ id, key: Buffer.from(key, 'base64') })) };
};
