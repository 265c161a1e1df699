// The functions of the benchmark, in plain JavaScript so that no loader is measured.
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';

export const flame = createFlame(config);
export const noop = flame.fn('noop', { pool: 'one' }, (value) => value);
export const noopMany = flame.fn('noopMany', { pool: 'many' }, (value) => value);
export const noopFew = flame.fn('noopFew', { pool: 'few' }, (value) => value);
export const echo = flame.fn('echo', { pool: 'one' }, (bytes) => bytes);
export const unserved = flame.fn('unserved', { pool: 'unserved' }, (value) => value);
export const cold = flame.fn('cold', { pool: 'cold' }, () => 'first');
