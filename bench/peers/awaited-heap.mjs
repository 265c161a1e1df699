// node --expose-gc awaited-heap.mjs flame|bullmq URL: prints the bytes of heap that each awaited call holds. Nobody serves them.
const [side, url] = process.argv.slice(2);
const WARM = 500;
const CALLS = 5_000;
/** Calls made in one turn of the event loop. */
const BURST = 100;

const flame = async () => {
  const { flame, unserved } = await import('../app/tasks.mjs');
  return (i) => flame.call(unserved, { i });
};

const bullmq = async () => {
  const { Queue, QueueEvents } = await import('bullmq');
  const queue = new Queue('peer-unserved', { connection: { url } });
  const events = new QueueEvents('peer-unserved', { connection: { url } });
  for (const emitter of [queue, events]) emitter.setMaxListeners(0);
  await events.waitUntilReady();
  return async (i) => (await queue.add('noop', { i })).waitUntilFinished(events);
};

const call = await (side === 'flame' ? flame() : bullmq());
const make = async (count) => {
  for (let i = 0; i < count; i += 1) {
    call(i).catch(() => undefined);
    if (i % BURST === BURST - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage().heapUsed;
};
const before = await make(WARM);
process.stdout.write(`${Math.round(((await make(CALLS)) - before) / CALLS)}\n`);
process.exit(0);
