/**
 * What an executor asks of its runner about the job that it processes, over the channel of nested calls. Values are JSON, as BullMQ
 * keeps them; user code shares the executor's process, so the runner parses each request.
 */
import { decode, encode, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { NESTED_LIMIT } from '../client/nested-messages.ts';
import { JOB_METHODS } from './job-methods.ts';

export interface JobRequest {
  readonly op: 'job';
  /** One of `JOB_METHODS`, or `rateLimit` of the worker. */
  readonly method: string;
  readonly args: readonly unknown[];
}

/** An error as it crosses: BullMQ keeps no more of it, and tells its own apart by name and message. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export type JobReply =
  | { readonly ok: true; readonly value: string | undefined }
  | { readonly ok: false; readonly error: PlainError };

const METHODS: ReadonlySet<unknown> = new Set([...JOB_METHODS, 'rateLimit']);

export const packJobRequest = (method: string, args: readonly unknown[]): Uint8Array =>
  packPayload(encode({ op: 'job', method, args: JSON.stringify(args) }, NESTED_LIMIT));

/** @returns the request; `undefined` for one that is no request about a job. @throws Error for a method that is not passed on */
export const parseJobRequest = (bytes: Uint8Array): JobRequest | undefined => {
  const request = decode(unpackPayload(bytes), NESTED_LIMIT) as Readonly<Record<string, unknown>> | null;
  if (request?.op !== 'job') return undefined;
  const { method, args } = request;
  if (!METHODS.has(method) || typeof args !== 'string') throw new Error('a request about a job cannot be read');
  const list: unknown = JSON.parse(args);
  if (!Array.isArray(list)) throw new Error('a request about a job cannot be read');
  return { op: 'job', method: String(method), args: list };
};

export const packJobReply = (reply: JobReply): Uint8Array => packPayload(encode(reply, NESTED_LIMIT));

/** @returns what the method came to. @throws the error that it ended with */
export const readJobReply = (bytes: Uint8Array): unknown => {
  const reply = decode(unpackPayload(bytes), NESTED_LIMIT) as JobReply;
  if (!reply.ok) throw fromPlain(reply.error);
  return reply.value === undefined ? undefined : JSON.parse(reply.value);
};

/** Whatever was thrown. */
export const toPlain = (thrown: unknown): PlainError => {
  const error = thrown as Partial<Error> | null | undefined;
  if (typeof error?.message !== 'string' || error.message === '') return toPlain(new Error(String(thrown)));
  return { name: String(error.name ?? 'Error'), message: error.message, stack: error.stack };
};

export const fromPlain = ({ name, message, stack }: PlainError): Error => {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return error;
};
