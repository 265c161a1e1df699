/** Messages as frames: the fields as JSON, the bytes that a message carries as the frame's body. */
import type { CallMessage, FromExecutor, ToExecutor } from '../messages.ts';
import type { EncodedArgs } from '../types.ts';
import type { Frame } from './frames.ts';

type Message = ToExecutor | FromExecutor;
type Fields = Record<string, unknown>;

/** The field that holds a message's bytes, by its kind. */
const BYTES: Readonly<Record<string, string>> = {
  returned: 'frame',
  threw: 'frame',
  progress: 'json',
  up: 'json',
  nested: 'bytes',
  reply: 'bytes',
};

export const toFrame = (message: Message): Frame => {
  if (message.t === 'call') return callFrame(message);
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
const callFrame = ({ args, timeoutMs, secrets, ...call }: CallMessage): Frame => {
  const isText = !(args instanceof Uint8Array);
  const keys = secrets?.keys.map(({ id, key }) => ({ id, key: Buffer.from(key).toString('base64') }));
  const head = JSON.stringify({
    ...call,
    isText,
    ...(timeoutMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs }),
    ...(secrets === undefined ? {} : { secrets: { ...secrets, keys } }),
  });
  return { head, body: isText ? Buffer.from(args.json) : args };
};

const callFrom = ({ isText, secrets, ...call }: Fields, body: Uint8Array): Fields => {
  const args: EncodedArgs =
    isText === true ? { json: Buffer.from(body.buffer, body.byteOffset, body.length).toString() } : body;
  return {
    timeoutMs: Number.POSITIVE_INFINITY,
    ...call,
    args,
    secrets: secrets === undefined ? undefined : openKeys(secrets),
  };
};

const openKeys = (secrets: unknown): unknown => {
  const { keys, ...rest } = secrets as { readonly keys: readonly { readonly id: string; readonly key: string }[] };
  return { ...rest, keys: keys.map(({ id, key }) => ({ id, key: Buffer.from(key, 'base64') })) };
};
