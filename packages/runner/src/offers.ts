/**
 * The free slots that this runner offers, by their numbers: who accepts a call takes one off and hands the call over to it. A number is
 * good for one call, and only from here: what is pushed under any other begins nothing.
 */
import { newOffer } from '@flamejs/protocol';

/** How long a call may be on its way for which somebody has taken an offer. */
const ON_ITS_WAY_MS = 1_000;

type State =
  /** A script under way will offer it, or finds a call for its slot. */
  | 'asked'
  | 'offered'
  /** Somebody has taken it: a call is on its way. */
  | 'given';

export interface Offers {
  /** Slots that are on offer, or for which a call is on its way. */
  readonly size: number;
  /** Numbers on offer, as far as is known here. */
  readonly open: readonly string[];
  /** @returns a number for a script that is about to be sent; the slot counts among the offers once that has `opened` it */
  ask(): string;
  /** The script may have offered it. */
  opened(number: string): void;
  /** It is not on offer, and nothing comes for it. */
  close(number: string): void;
  /** Somebody has taken it. */
  gone(number: string): void;
  /** A call has come under this number. @returns whether it is one of ours, which has not been used before */
  use(number: string): boolean;
  stop(): void;
}

/** @param onOverdue told when a call did not come that was on its way: its offer is closed */
export const createOffers = (onOverdue: () => void): Offers => {
  const states = new Map<string, State>();
  let slots = 0;
  let timer: NodeJS.Timeout | undefined;

  const set = (number: string, state: State): void => {
    if (states.get(number) === 'asked' && state !== 'asked') slots += 1;
    states.set(number, state);
  };

  const remove = (number: string): boolean => {
    const state = states.get(number);
    if (state === undefined) return false;
    states.delete(number);
    if (state !== 'asked') slots -= 1;
    return true;
  };

  const numbersThatAre = (wanted: State): readonly string[] =>
    [...states].filter(([, state]) => state === wanted).map(([number]) => number);

  const giveUp = (numbers: readonly string[]): void => {
    timer = undefined;
    const overdue = numbers.filter((number) => states.get(number) === 'given');
    for (const number of overdue) remove(number);
    const later = numbersThatAre('given');
    if (later.length > 0) arm();
    if (overdue.length > 0) onOverdue();
  };

  const arm = (): void => {
    const numbers = numbersThatAre('given');
    timer ??= setTimeout(() => giveUp(numbers), ON_ITS_WAY_MS);
  };

  return {
    get size() {
      return slots;
    },
    get open() {
      return numbersThatAre('offered');
    },
    ask() {
      const number = newOffer();
      states.set(number, 'asked');
      return number;
    },
    opened(number) {
      // It may have been used before the script's answer was here.
      if (states.get(number) === 'asked') set(number, 'offered');
    },
    close: (number) => void remove(number),
    gone(number) {
      if (!states.has(number)) return;
      set(number, 'given');
      arm();
    },
    use: remove,
    stop() {
      clearTimeout(timer);
      states.clear();
      slots = 0;
    },
  };
};
