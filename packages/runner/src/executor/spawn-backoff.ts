/** How long to wait before an executor is started again after it could not boot: never a storm of processes. */

const FIRST_MS = 100;
const MAX_MS = 30_000;

/** @param failures boots that failed in a row. @returns milliseconds: 0, 100, 200, 400 … 30,000. */
export const spawnBackoffMs = (failures: number): number =>
  failures === 0 ? 0 : Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
