/** Puts a stream together: the call that was made, or one that somebody else has made. */
import { decode, unpackPayload } from '@flamejs/protocol/codec';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import { configError } from '@flamejs/protocol/errors/input-errors';
import { READER_DONE } from '@flamejs/protocol/stream/chunk';
import type { AppConfig, PoolConfig } from '../../config/types.ts';
import type { CallMaker } from '../call-maker.ts';
import type { CallRequest } from '../caller.ts';
import { isExecutor } from '../executor-side.ts';
import { secretsHere } from '../secrets-here.ts';
import { createItemStream, type FlameStream } from './item-stream.ts';

/** Which items of a call are wanted. */
export interface StreamOptions {
  /** Index of the first item, counted from 0. Default: 0. What has fallen out of the retention is an error that says where it begins. */
  readonly from?: number;
}

/** A runner gives the calls of its functions their ids. */
export const noIdYet = (): FlameUnavailableError =>
  new FlameUnavailableError(
    'inside of a function the id of a stream is known once it is accepted: read an item, or await status(), first',
    { enqueued: 'unknown' },
  );

/** @param outcome of the call, which has been submitted */
export const openStream = (
  config: AppConfig,
  maker: () => Promise<CallMaker>,
  { id, pool, options }: CallRequest & { readonly id: string },
  outcome: Promise<unknown>,
): FlameStream<unknown> => {
  // Whoever reads hears of it, and nobody has to.
  outcome.catch(() => undefined);
  let calls: CallMaker | undefined;
  const handle = async () => {
    calls = await maker();
    return calls.handle(pool, (await calls.acceptedAs?.(id)) ?? id);
  };
  maker().then(
    (found) => {
      calls = found;
    },
    () => undefined,
  );
  return createItemStream({
    id,
    publicId: () => {
      if (calls === undefined && isExecutor()) throw noIdYet();
      return calls?.idOf?.(id) ?? id;
    },
    feed: async () => (await maker()).feed(pool, id, true),
    outcome: () => outcome,
    from: 0,
    decodeItem: decoder(config, pool, id),
    onLeave: () =>
      void handle()
        .then((own) => own.cancel(READER_DONE))
        .catch(() => undefined),
    signal: options.signal,
    status: async () => (await handle()).status(),
    cancel: async (reason) => (await handle()).cancel(reason),
  });
};

/** Reads what is kept of a call's items. Its reader moves no window, and stops nothing when it leaves. @throws FlameConfigError */
export const attachStream = <Item>(
  config: AppConfig,
  pool: PoolConfig,
  id: string,
  maker: () => Promise<CallMaker>,
  { from = 0 }: StreamOptions = {},
): FlameStream<Item> => {
  if (!Number.isSafeInteger(from) || from < 0) {
    throw configError('options of stream()', [
      { path: 'from', message: `expected a whole number from 0, got ${from}` },
    ]);
  }
  const left = new AbortController();
  const handle = async () => (await maker()).handle(pool, id);
  let ending: Promise<unknown> | undefined;
  const outcome = (): Promise<unknown> => {
    ending ??= handle().then((own) => own.result({ signal: left.signal }));
    return ending;
  };
  return createItemStream({
    id,
    publicId: () => id,
    feed: async () => (await maker()).feed(pool, id, false),
    outcome,
    from,
    decodeItem: decoder(config, pool, id),
    onLeave: () => left.abort(new Error('its reader has left')),
    signal: undefined,
    status: async () => (await handle()).status(),
    cancel: async (reason) => (await handle()).cancel(reason),
  }) as FlameStream<Item>;
};

const decoder = (config: AppConfig, { payloadLimit }: PoolConfig, id: string): ((frame: Uint8Array) => unknown) => {
  const secrets = secretsHere(config, id);
  // Its size was bounded where it was encoded, by a limit that may be larger than the one here.
  return (frame) => decode(unpackPayload(frame), { limit: Math.max(payloadLimit, frame.length), secrets });
};
