/** What is done with calls that exist, wherever they are kept: the part of a call maker that is the same for every place. */
import { readNote } from '@flamejs/protocol/payload/note';
import type { AppConfig } from '../config/types.ts';
import type { CallMaker } from './call-maker.ts';
import type { CallPlace } from './call-place.ts';
import { createHandle } from './handle.ts';
import { secretsHere } from './secrets-here.ts';

export const overPlace = (
  config: AppConfig,
  place: CallPlace,
): Pick<CallMaker, 'handle' | 'readiness' | 'whenOver' | 'abort'> => ({
  handle: (pool, id) => createHandle(config, place, pool, id),
  async readiness(pool, id) {
    const bytes = await place.ask(pool, id, (store) => store.readiness(id));
    if (bytes === undefined) return undefined;
    const secrets = secretsHere(config, id);
    return { value: await readNote(place.vault, bytes, { callId: id, kind: 'ready' }, { secrets }) };
  },
  whenOver: (pool, id) =>
    new Promise((resolve) => {
      const over = (): void => resolve();
      place.join(id, pool, { resolve: over, reject: over, isBackground: true }).catch(over);
    }),
  abort: (id, pool, reason) => place.giveUp(id, pool, reason),
});
