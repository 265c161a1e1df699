/** Follows a call's progress: its last value is kept beside a channel of the same name. */

import { readNote } from '@flamejs/protocol/payload/note';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { Caller } from './caller.ts';
import { secretsHere } from './secrets-here.ts';

/** A slow reader loses the oldest values, never the newest. */
const BUFFER = 1_000;
const LOOK_MS = 1_000;

export async function* watchProgress(
  config: AppConfig,
  caller: Caller,
  pool: PoolConfig,
  id: string,
): AsyncGenerator<unknown, void, void> {
  const { keys } = caller.pool(pool);
  const key = keys.progress(id);
  const commands = await caller.link.client();
  const subscriber = caller.link.reader(`flame:progress:${id}`);
  const values: Buffer[] = [];
  let wake = (): void => undefined;
  let ended = false;
  const settler = {
    resolve: (): void => end(),
    reject: (): void => end(),
  };
  const end = (): void => {
    ended = true;
    wake();
  };
  subscriber.on('messageBuffer', (_channel: Buffer, message: Buffer) => {
    values.push(message);
    if (values.length > BUFFER) values.shift();
    wake();
  });
  try {
    await subscriber.subscribe(key);
    const last = await commands.getBuffer(key);
    if (last !== null && values.length === 0) values.push(last);
    // An unknown call ends the iteration, as a finished one does.
    caller.join(id, pool, settler).catch(end);
    for (;;) {
      for (let value = values.shift(); value !== undefined; value = values.shift())
        yield await readNote(
          caller.vault,
          value,
          { callId: id, kind: 'progress' },
          { secrets: secretsHere(config, id) },
        );
      if (ended) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    caller.leave(id, settler);
    subscriber.disconnect();
  }
}
