/** The runner's side of calls from inside a function: it makes them in the executor's name, one session for each attempt. */

import { newCallId, poolOfCallId, userCallId } from '@flamejs/protocol/call-id';
import { decode, encode, packPayload, unpackPayload } from '@flamejs/protocol/codec';
import { runScript } from '@flamejs/protocol/connect';
import {
  comesBack,
  type Descent,
  descend,
  type Maker,
  refuseDeadlock,
  tooDeep,
  tooOften,
} from '@flamejs/protocol/descent';
import { FlameCallLoopError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { poolKeys } from '@flamejs/protocol/keys';
import { readGates } from '@flamejs/protocol/limit-sweep';
import { gatesOf } from '@flamejs/protocol/limits';
import { linkToCall } from '@flamejs/protocol/linked';
import type { Logger } from 'pino';
import { resolveCallOptions } from '../call-options.ts';
import type { AppConfig } from '../config/types.ts';
import { awaitOutcome } from './await-outcome.ts';
import { type Caller, type CallRequest, createCaller } from './caller.ts';
import { createHandle } from './handle.ts';
import {
  type AboutRequest,
  type ItemsRequest,
  type MakeRequest,
  NESTED_LIMIT,
  type NestedReply,
  type ParsedNestedRequest,
  parseNestedRequest,
  type WaitRequest,
} from './nested-messages.ts';
import { createNestedRights, lineInRedis } from './nested-rights.ts';
import type { Settler } from './pending.ts';
import { createRedisPlace } from './redis-place.ts';
import { createNestedFeeds } from './stream/nested-feeds.ts';

/** An attempt of a call whose function may make calls. */
export interface AskingCall extends Maker {
  readonly pool: string;
  readonly runnerId: string;
  /** BullMQ's count of pick-ups: with the id it says which attempt this is. */
  readonly ats: number;
  /** What it can seal and open secrets for; `undefined` when the app has no keys. */
  readonly scope: string | undefined;
  /** It is a job of BullMQ, of which no key of ours knows: what it awaits ends with its session alone. */
  readonly isJob?: boolean;
  /** The text of its arguments, in which it may have been given ids of other calls. */
  args(): string;
}

export interface NestedSession {
  answer(request: Uint8Array): Promise<Uint8Array>;
  /** The attempt is being stopped: what it awaits ends now. It may still make calls until it has ended. */
  stop(): void;
  /** The attempt has ended: what it awaits, and what is linked to it, ends with it. */
  end(): void;
}

export interface NestedService {
  open(asking: AskingCall): NestedSession;
  close(): Promise<void>;
}

interface Child {
  readonly id: string;
  readonly pool: string;
  readonly linked: boolean;
  /** By which the function aborts it. */
  readonly ref: string | undefined;
  /** Of one that is awaited. */
  readonly settler: Settler | undefined;
}

/** Its own caller is opened at the first request. */
export const createNestedService = (config: AppConfig, logger: Logger): NestedService => {
  let caller: Caller | undefined;
  const connected = (): Caller => {
    caller ??= createCaller(config, logger);
    return caller;
  };

  const open = (asking: AskingCall): NestedSession => {
    const { callId, scope } = asking;
    const client = () => connected().link.client();
    const all = config.pools[asking.pool]?.callAccess === 'all';
    const lineOf = lineInRedis(config, client);
    const rights = createNestedRights({ config, maker: asking, args: asking.args, all, lineOf });
    /** What it awaits, and what ends with it. */
    const children = new Set<Child>();
    const refs = new Map<string, Child>();
    /** Waits for outcomes, by the names that the function gave them. */
    const waits = new Map<string, AbortController>();
    const feeds = createNestedFeeds(connected);
    let ended = false;

    const drop = (child: Child): void => {
      children.delete(child);
      if (child.settler !== undefined) connected().leave(child.id, child.settler);
      if (child.linked) connected().recall.add(child.id, child.pool, `the call that made it, ${callId}, has ended`);
    };

    const checkLoop = async (descent: Descent, { op, fn }: MakeRequest): Promise<void> => {
      if (descent.depth > config.maxCallDepth) throw tooDeep(descent, fn, config.maxCallDepth);
      if (op !== 'cast' || !comesBack(descent, fn)) return;
      const { base } = poolKeys(config.prefix, config.app, poolOfCallId(descent.root));
      const args = [`${base}:line:${descent.root}`, config.maxLoopRate];
      if ((await runScript(await client(), 'flameLoopRate', args)) === 0)
        throw tooOften(descent, fn, config.maxLoopRate);
    };

    const make = async (request: MakeRequest): Promise<NestedReply> => {
      const { op, pool, ref, fn, payload, size, options, limits, trace } = request;
      const given = await rights.passedOn(payload.json);
      const kind = op === 'cast' ? 'cast' : 'call';
      const line = descend(asking, { kind, functionName: fn, given });
      await checkLoop(line, request);
      if (op === 'call') refuseDeadlock(asking, { pool: pool.name, gates: gatesOf(fn, limits), what: `"${fn}"` });
      const id = options.id === undefined ? newCallId(pool.name) : userCallId(pool.name, options.id);
      // A call with an id of its own may have others who await it, or this one again after its runner was lost.
      const linked = options.link ?? (kind === 'call' && options.id === undefined);
      const asked: CallRequest = {
        pool,
        functionName: fn,
        payload,
        payloadSize: size,
        options: resolveCallOptions(options, pool),
        kind,
        line,
        limits,
        trace,
        ...(request.stream === undefined ? {} : { stream: request.stream }),
        ...(linked && asking.isJob !== true ? { endsWith: linkToCall(callId, asking.ats) } : {}),
        ...(scope === undefined ? {} : { scope }),
      };
      return new Promise<NestedReply>((resolve, reject) => {
        const child = childOf({ id, pool: pool.name, linked, ref }, kind === 'call', resolve, reject);
        connected()
          .submit(asked, child.settler, id)
          .then(() => {
            rights.made(id);
            if (op === 'stream') feeds.made(id);
            if (ended) drop(child);
            else if (op !== 'call') resolve({ kind: 'value', value: id });
          })
          .catch((error) => {
            forget(child);
            reject(error);
          });
      });
    };

    const forget = (child: Child): void => {
      children.delete(child);
      if (child.ref !== undefined) refs.delete(child.ref);
    };

    const childOf = (
      about: Omit<Child, 'settler'>,
      awaited: boolean,
      resolve: (reply: NestedReply) => void,
      reject: (error: unknown) => void,
    ): Child => {
      const settler: Settler = {
        resolve(outcome) {
          forget(child);
          resolve({ kind: 'outcome', ...outcome });
        },
        reject(error) {
          forget(child);
          reject(error);
        },
      };
      const child: Child = { ...about, settler: awaited ? settler : undefined };
      if (awaited || child.linked) children.add(child);
      if (child.ref !== undefined) refs.set(child.ref, child);
      return child;
    };

    const tell = async ({ op, pool, id, reason }: AboutRequest): Promise<NestedReply> => {
      await rights.check(id, pool.name);
      const handle = createHandle(config, createRedisPlace(config, connected()), pool, id);
      switch (op) {
        case 'status':
          return { kind: 'value', value: await handle.status() };
        case 'retry':
          return { kind: 'value', value: await handle.retry() };
        case 'cancel':
          return { kind: 'value', value: await handle.cancel(reason) };
      }
    };

    const wait = async ({ pool, id, wait: name, timeoutMs }: WaitRequest): Promise<NestedReply> => {
      await rights.check(id, pool.name);
      const gates = await readGates(await client(), poolKeys(config.prefix, config.app, pool.name), id);
      refuseDeadlock(asking, { pool: pool.name, gates, what: `call ${id}` });
      const abort = new AbortController();
      waits.set(name, abort);
      const options = { signal: abort.signal, ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }) };
      try {
        const outcome = await awaitOutcome(id, options, {
          join: (settler) => void connected().join(id, pool, settler).catch(settler.reject),
          leave: (settler) => connected().leave(id, settler),
        });
        return { kind: 'outcome', ...outcome };
      } finally {
        waits.delete(name);
      }
    };

    const items = async ({ op, pool, id, index, done }: ItemsRequest): Promise<NestedReply> => {
      await rights.check(id, pool.name);
      if (op === 'taken') feeds.taken(id, index);
      if (op === 'unread') feeds.leave(id, done);
      return { kind: 'value', value: op === 'pull' ? await feeds.pull(pool, id, index) : undefined };
    };

    const handle = async (request: ParsedNestedRequest): Promise<NestedReply> => {
      if (ended) throw new FlameUnavailableError(`call ${callId}, which asks, has ended`, { enqueued: 'no' });
      switch (request.op) {
        case 'call':
        case 'cast':
        case 'stream':
          return make(request);
        case 'pull':
        case 'taken':
        case 'unread':
          return items(request);
        case 'result':
          return wait(request);
        case 'leave':
          waits.get(request.wait)?.abort();
          return { kind: 'value', value: undefined };
        case 'abort': {
          const child = refs.get(request.ref);
          if (child !== undefined) connected().recall.add(child.id, child.pool, request.reason);
          return { kind: 'value', value: undefined };
        }
        default:
          return tell(request);
      }
    };

    return {
      async answer(bytes) {
        let reply: NestedReply;
        try {
          reply = await handle(parseNestedRequest(decode(unpackPayload(bytes), NESTED_LIMIT), config));
        } catch (error) {
          if (error instanceof FlameCallLoopError) reportLoop(asking, error);
          reply = { kind: 'error', error };
        }
        return packPayload(encode(reply, NESTED_LIMIT));
      },
      stop() {
        for (const child of children)
          if (child.linked && child.settler !== undefined)
            connected().recall.add(child.id, child.pool, `the call that awaits it, ${callId}, is being stopped`);
      },
      end() {
        ended = true;
        for (const child of [...children]) drop(child);
        feeds.end();
        for (const abort of waits.values()) abort.abort();
        refs.clear();
      },
    };
  };

  /** A line that was stopped is known to the pool's page and to `flame doctor`; it is said once, for it may be refused often. */
  const reported = new Set<string>();
  const reportLoop = (
    { pool, runnerId, callId, functionName, descent }: AskingCall,
    error: FlameCallLoopError,
  ): void => {
    const root = descent?.root ?? callId;
    if (reported.has(root)) return;
    if (reported.size >= MOST_REPORTED) reported.clear();
    reported.add(root);
    logger.warn({ callId, fn: functionName, line: root }, error.message);
    const { events } = poolKeys(config.prefix, config.app, pool);
    const details = JSON.stringify({ callId, root, functionName, why: error.reason });
    connected()
      .link.client()
      .then((client) => runScript(client, 'flameEvent', [events, 'call.loop', runnerId, error.message, details]))
      .catch((cause: unknown) => logger.debug({ err: cause }, 'a loop of calls could not be reported'));
  };

  return {
    open,
    async close() {
      await caller?.close();
    },
  };
};

const MOST_REPORTED = 1_000;
