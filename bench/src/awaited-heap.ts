/** Memory: what each awaited call holds of the caller's heap. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Case } from './case.ts';
import type { World } from './world.ts';

const SCRIPT = fileURLToPath(new URL('../peers/awaited-heap.mjs', import.meta.url));
const run = promisify(execFile);

export const awaitedHeapCase = (world: World): Case => {
  const bytesOf = async (side: 'flame' | 'bullmq'): Promise<number> => {
    const { stdout } = await run(process.execPath, ['--expose-gc', SCRIPT, side, world.url]);
    return Number(stdout);
  };
  return {
    name: 'heap of an awaited call',
    unit: 'bytes',
    budget: 1,
    peerName: 'BullMQ add + waitUntilFinished',
    rounds: 1,
    ours: () => bytesOf('flame'),
    peer: () => bytesOf('bullmq'),
  };
};
