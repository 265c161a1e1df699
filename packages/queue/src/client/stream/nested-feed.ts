/** A stream that a function reads: its runner fetches the items. */
import type { NestedReply, NestedRequest } from '../nested-messages.ts';
import type { ItemFeed, Pulled } from './item-feed.ts';

/** What was taken is told at the latest after so many. */
const TELL_ITEMS = 250;

/** @param idOf the id that the runner has given the call, once it is accepted */
export const createNestedFeed = (
  ask: (request: NestedRequest) => Promise<NestedReply>,
  idOf: () => Promise<string>,
): ItemFeed => {
  let told = 0;
  let handed = 0;
  let index = 0;
  const tell = (request: (id: string) => NestedRequest): void =>
    void idOf()
      .then((id) => ask(request(id)))
      .catch(() => undefined);
  return {
    async pull(from) {
      const id = await idOf();
      const reply = await ask({ op: 'pull', id, from });
      const pulled = (reply.kind === 'value' ? reply.value : { kind: 'end', total: undefined }) as Pulled;
      if (pulled.kind === 'items') handed = pulled.first + pulled.frames.length;
      return pulled;
    },
    taken(upTo) {
      index = Math.max(index, upTo);
      if (index === told || (index < handed && index - told < TELL_ITEMS)) return;
      told = index;
      tell((id) => ({ op: 'taken', id, index: told }));
    },
    // The runner hears it by itself.
    settled: () => undefined,
    close: (done) => tell((id) => ({ op: 'unread', id, done })),
  };
};
