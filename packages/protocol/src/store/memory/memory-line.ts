/**
 * Where the calls of a pool stand, by their ids: those that wait, in their order, those that wait for their time, and those that run.
 * An id stands in one place at most.
 */

export interface MemoryLine {
  /** To its tail, or to its head. Calls with a priority stand behind all that have none, the lowest number first. */
  enqueue(id: string, priority: number, atHead: boolean): void;
  delay(id: string, dueAt: number): void;
  /** @returns the next one, which is active now */
  next(): string | undefined;
  activate(id: string): void;
  /** Takes it from wherever it stands. @returns where that was */
  remove(id: string): Place | undefined;
  placeOf(id: string): Place | undefined;
  dueAt(id: string): number | undefined;
  /** Calls that are served before a waiting one. */
  ahead(id: string): number;
  /** Of those that wait for their time: the earliest, epoch ms. */
  firstDueAt(): number | undefined;
  dueBy(now: number): readonly string[];
  readonly waiting: number;
  readonly delayed: number;
  readonly active: ReadonlySet<string>;
}

export type Place = 'waiting' | 'delayed' | 'active';

export const createMemoryLine = (): MemoryLine => {
  /** Put to the head, the first to go last. */
  const heads: string[] = [];
  const tail = new Set<string>();
  const prioritized = new Map<string, { readonly priority: number; readonly turn: number }>();
  const delayed = new Map<string, number>();
  const active = new Set<string>();
  let turns = 0;

  const inOrder = (): readonly string[] =>
    [...prioritized]
      .sort(([a, x], [b, y]) => x.priority - y.priority || x.turn - y.turn || (a < b ? -1 : 1))
      .map(([id]) => id);

  const shift = (): string | undefined => {
    const head = heads.pop();
    if (head !== undefined) return head;
    const [first] = tail;
    if (first !== undefined) {
      tail.delete(first);
      return first;
    }
    const [id] = prioritized.size > 0 ? inOrder() : [];
    if (id !== undefined) prioritized.delete(id);
    return id;
  };

  const placeOf = (id: string): Place | undefined => {
    if (active.has(id)) return 'active';
    if (delayed.has(id)) return 'delayed';
    return tail.has(id) || prioritized.has(id) || heads.includes(id) ? 'waiting' : undefined;
  };

  return {
    enqueue(id, priority, atHead) {
      if (priority > 0) {
        turns += 1;
        prioritized.set(id, { priority, turn: atHead ? 0 : turns });
      } else if (atHead) heads.push(id);
      else tail.add(id);
    },
    delay: (id, dueAt) => void delayed.set(id, dueAt),
    next() {
      const id = shift();
      if (id !== undefined) active.add(id);
      return id;
    },
    activate: (id) => void active.add(id),
    remove(id) {
      const place = placeOf(id);
      if (heads.includes(id)) heads.splice(heads.indexOf(id), 1);
      for (const where of [active, delayed, tail, prioritized]) where.delete(id);
      return place;
    },
    placeOf,
    dueAt: (id) => delayed.get(id),
    ahead: (id) => [...[...heads].reverse(), ...tail, ...inOrder()].indexOf(id),
    firstDueAt: () => (delayed.size === 0 ? undefined : Math.min(...delayed.values())),
    dueBy: (now) =>
      [...delayed]
        .filter(([, dueAt]) => dueAt <= now)
        .sort(([, a], [, b]) => a - b)
        .map(([id]) => id),
    get waiting() {
      return heads.length + tail.size + prioritized.size;
    },
    get delayed() {
      return delayed.size;
    },
    active,
  };
};
