/** What becomes of a reply, whichever way it came. */
import type { RedisClient } from '@flamejs/protocol/connect';
import type { PoolKeys } from '@flamejs/protocol/keys';
import { type Outcome, parseHead } from '@flamejs/protocol/outcome';
import { fetchBody } from '@flamejs/protocol/store/redis-outcomes';
import type { Logger } from 'pino';

export interface Reply {
  readonly callId: string;
  readonly generation: number;
  /** `undefined` for a call that was removed by hand, before it had an outcome. */
  readonly head: Uint8Array | undefined;
  /** `undefined` when it is too large to come with the reply. */
  readonly body: Uint8Array | undefined;
  /** Its reading is to be acknowledged. */
  readonly awaited: boolean;
}

export interface ReplyTaker {
  readonly keys: PoolKeys;
  /** The command connection, for large outcomes and for trimming. */
  readonly commands: () => Promise<RedisClient>;
  readonly onRemoved: (callId: string) => void;
  readonly onOutcome: (callId: string, outcome: Outcome) => void;
  readonly logger: Logger;
}

export const deliverReply = (reply: Reply, taker: ReplyTaker): void => {
  const { callId, generation, awaited, body } = reply;
  const { keys, commands, onOutcome, logger } = taker;
  if (reply.head === undefined) {
    taker.onRemoved(callId);
    return;
  }
  const head = parseHead(reply.head);
  if (body !== undefined) {
    onOutcome(callId, { generation, head, body, awaited });
    return;
  }
  // When it cannot be read now, the sweep will.
  void commands()
    .then((client) => fetchBody(client, keys, callId, head.size))
    .then((large) => large && onOutcome(callId, { generation, head, body: large, awaited }))
    .catch((error) => logger.debug({ err: error, callId }, 'fetching a large outcome failed; the sweep fetches it'));
};
