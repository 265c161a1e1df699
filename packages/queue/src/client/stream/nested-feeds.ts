/** The runner's side of streams that functions read: it reads Redis in their name, as long as their attempt runs. */
import type { PoolConfig } from '../../config/types.ts';
import type { Caller } from '../caller.ts';
import type { Settler } from '../pending.ts';
import type { ItemFeed, Pulled } from './item-feed.ts';
import { createRedisFeed } from './redis-feed.ts';

export interface NestedFeeds {
  /** This attempt has made the call: its reading moves the window. */
  made(id: string): void;
  pull(pool: PoolConfig, id: string, from: number): Promise<Pulled>;
  taken(id: string, index: number): void;
  /** The function reads it no more. @param done because it has read everything */
  leave(id: string, done: boolean): void;
  /** The attempt has ended. */
  end(): void;
}

interface Open {
  readonly feed: ItemFeed;
  readonly settler: Settler;
}

export const createNestedFeeds = (caller: () => Caller): NestedFeeds => {
  const own = new Set<string>();
  const open = new Map<string, Open>();

  const feedOf = (pool: PoolConfig, id: string): ItemFeed => {
    const known = open.get(id);
    if (known !== undefined) return known.feed;
    const feed = createRedisFeed(caller(), pool, id, own.has(id));
    const settler: Settler = {
      resolve: ({ head }) => feed.settled(head.ok),
      reject: () => feed.settled(false),
    };
    open.set(id, { feed, settler });
    caller().join(id, pool, settler).catch(settler.reject);
    return feed;
  };

  const leave = (id: string, done: boolean): void => {
    const known = open.get(id);
    if (known === undefined) return;
    open.delete(id);
    caller().leave(id, known.settler);
    known.feed.close(done);
  };

  return {
    made: (id) => void own.add(id),
    pull: (pool, id, from) => feedOf(pool, id).pull(from),
    taken: (id, index) => open.get(id)?.feed.taken(index),
    leave,
    end() {
      for (const id of [...open.keys()]) leave(id, false);
    },
  };
};
