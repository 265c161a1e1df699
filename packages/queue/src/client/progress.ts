/** Follows a call's progress: its last value is kept beside a channel of the same name. */

import { readNote } from '@flamejs/protocol/payload/note';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { CallPlace } from './call-place.ts';
import { secretsHere } from './secrets-here.ts';

/** A slow reader loses the oldest values, never the newest. */
const BUFFER = 1_000;

export async function* watchProgress(
  config: AppConfig,
  place: CallPlace,
  pool: PoolConfig,
  id: string,
): AsyncGenerator<unknown, void, void> {
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
    const kept = await place.ask(pool, id, (store) => store.progress(id));
    if (kept === undefined || newest?.equals(kept)) return;
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
  const unfollow = await place.follow(id, pool, {
    onMessage,
    onGap: () => void readKept().catch(() => undefined),
  });
  try {
    await readKept();
    // An unknown call ends the iteration, as a finished one does.
    place.join(id, pool, settler).catch(end);
    for (let isLast = false; ; ) {
      for (let value = values.shift(); value !== undefined; value = values.shift())
        yield await readNote(
          place.vault,
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
    place.leave(id, settler);
    unfollow();
  }
}
