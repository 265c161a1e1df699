/** The items of calls in Redis. Thin: what happens stands in the scripts. */
import { type RedisClient, runScript, type ScriptArgument } from '../connect.ts';
import type { PoolKeys } from '../keys.ts';
import { kindOf } from './chunk.ts';

/** A batch, sealed. */
export interface StoredChunk {
  readonly first: number;
  readonly count: number;
  readonly body: Uint8Array;
}

export interface Writing {
  readonly callId: string;
  readonly generation: number;
  readonly attempt: number;
  readonly runnerId: string;
  readonly resumable: boolean;
  /** How long it is kept without a further batch, ms. */
  readonly ttlMs: number;
  /** Bytes that are kept of what nobody waits for. */
  readonly retention: number;
  /** The caller whose reading moves the window, '' for nobody. */
  readonly owner: string;
}

export interface Appended {
  /** `gap`: what came before is not there. */
  readonly status: 'ok' | 'superseded' | 'gap';
  /** Index after the last item that its owner is done with. */
  readonly acked: number;
  /** Nobody's reading moves the window: its owner is gone, or there never was one. */
  readonly alone: boolean;
}

/** Stores batches, or none to hear what has been read. @param waits the function waits for its reader */
export const appendChunks = async (
  client: RedisClient,
  keys: PoolKeys,
  by: Writing,
  chunks: readonly StoredChunk[],
  waits: boolean,
): Promise<Appended> => {
  const args: ScriptArgument[] = [keys.queue, by.callId, by.generation, by.attempt, by.runnerId, kindOf(by.resumable)];
  args.push(by.ttlMs, by.retention, by.owner, waits ? '1' : '');
  for (const { first, count, body } of chunks) args.push(first, count, body);
  const [status, acked, alone] = (await runScript(client, 'stream-append', args)) as [string, number, string];
  return { status: status as Appended['status'], acked: Number(acked), alone: alone === '1' };
};

/** @returns where the next attempt begins; below 0 when there must be none: `-1 -` the items that there are */
export const rewindStream = async (
  client: RedisClient,
  keys: PoolKeys,
  { callId, generation, attempt }: Pick<Writing, 'callId' | 'generation' | 'attempt'>,
): Promise<number> => Number(await runScript(client, 'stream-rewind', [keys.queue, callId, generation, attempt]));

export interface Reading {
  readonly callId: string;
  /** `undefined` for whichever there is. */
  readonly generation: number | undefined;
  readonly from: number;
  readonly mostBytes: number;
  /** Of its owner: what it is done with, as an index and as bytes, what is kept of that, and whether it has read the end. */
  readonly owner?: {
    readonly acked: number;
    readonly ackedBytes: number;
    readonly retention: number;
    readonly done: boolean;
  };
}

export interface ReadChunk extends StoredChunk {
  readonly attempt: number;
  /** Bytes up to its end. */
  readonly end: number;
}

export type ReadReply =
  /** Nothing has been yielded yet, or it is no longer kept. */
  | { readonly state: 'none' }
  /** The call was run again by hand. */
  | { readonly state: 'other'; readonly generation: number }
  /** It is no longer kept from there on. */
  | { readonly state: 'gone'; readonly first: number }
  | {
      readonly state: 'items';
      readonly generation: number;
      readonly next: number;
      readonly chunks: readonly ReadChunk[];
    };

export const readChunks = async (client: RedisClient, keys: PoolKeys, asked: Reading): Promise<ReadReply> => {
  const { callId, generation, from, mostBytes, owner } = asked;
  const args: ScriptArgument[] = [keys.queue, callId, generation ?? '', from, mostBytes];
  if (owner !== undefined) args.push('1', owner.acked, owner.ackedBytes, owner.retention, owner.done ? '1' : '');
  else args.push('');
  const reply = (await runScript(client, 'stream-read', args, true)) as (Buffer | number)[];
  const state = String(reply[0]);
  if (state === 'other') return { state, generation: Number(reply[1]) };
  if (state === 'gone') return { state, first: Number(reply[1]) };
  if (state !== 'items') return { state: 'none' };
  const chunks: ReadChunk[] = [];
  for (let at = 3; at + 1 < reply.length; at += 2) {
    const [first = 0, count = 0, attempt = 0, end = 0] = String(reply[at]).split(' ').map(Number);
    chunks.push({ first, count, attempt, end, body: reply[at + 1] as Buffer });
  }
  return { state, generation: Number(String(reply[1])), next: Number(reply[2]), chunks };
};
