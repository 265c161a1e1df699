/** A module with a function, to be loaded more than once. */
import { defineFunction } from '../../src/fn.ts';

export const answer = defineFunction('reloaded', {}, () => 42);
