/** Follows a call's progress: its last value is kept beside a channel of the same name. */

import { readNote } from '@flamejs/protocol/payload/note';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { Caller } from './caller.ts';
import { secretsHere } from './secrets-here.ts';

/** A slow reader loses the oldest values, never the newest. */
const BUFFER = 1_000;

export async function* watchProgress(
  config: AppConfig,
  caller: Caller,
  pool: PoolConfig,
  id: string,
): AsyncGenerator<unknown, void, void> {
  const key = caller.pool(pool).keys.progress(id);
  const commands = await caller.link.client();
  const values: Buffer[] = [];
  let newest: Buffer | undefined;
  /** The newest was read from where it is kept: its message may still come. */
  let wasKept = false;
  let wake = (): void => undefined;
  let ended = false;
  const push = (value: Buffer): void => {
    newest = value;
    values.push(value);
    if (values.length > BUFFER) values.shift();
    wake();
  };
  /** Messages may be missed, or be slower than the outcome; the newest value is kept. */
  const readKept = async (): Promise<void> => {
    const kept = await commands.getBuffer(key);
    if (kept === null || newest?.equals(kept)) return;
    wasKept = true;
    push(kept);
  };
  const onMessage = (message: Buffer): void => {
    const isKnown = wasKept && newest?.equals(message) === true;
    wasKept = false;
    if (!isKnown) push(message);
  };
  const end = (): void => {
    ended = true;
    wake();
  };
  const settler = { resolve: end, reject: end };
  const unfollow = await caller.channels.follow(key, {
    onMessage,
    onGap: () => void readKept().catch(() => undefined),
  });
  try {
    await readKept();
    // An unknown call ends the iteration, as a finished one does.
    caller.join(id, pool, settler).catch(end);
    for (let isLast = false; ; ) {
      for (let value = values.shift(); value !== undefined; value = values.shift())
        yield await readNote(
          caller.vault,
          value,
          { callId: id, kind: 'progress' },
          { secrets: secretsHere(config, id) },
        );
      if (isLast) return;
      if (ended) {
        isLast = true;
        await readKept().catch(() => undefined);
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    caller.leave(id, settler);
    unfollow();
  }
}
