/** Makes calls, and is too busy to read their results before these would have expired. */
import { bytes, flame, say } from './common.mjs';

const [sizes, resultTtl, busyMs] = [JSON.parse(process.argv[2]), process.argv[3], Number(process.argv[4])];
const handles = [];
const casts = [];
const calls = [];
for (const size of sizes) {
  calls.push(flame.call(bytes.with({ resultTtl }), size));
  const handle = await flame.cast(bytes.with({ resultTtl }), size);
  handles.push(handle);
  casts.push(handle.result());
}
// Sent after them on the same connection: Redis knows by now who waits.
await Promise.all(handles.map((handle) => handle.status()));
say('busy');
// The thread hears nothing for so long, whatever arrives.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs);
const results = await Promise.allSettled([...calls, ...casts]);
say(`results ${results.map((r) => (r.status === 'fulfilled' ? r.value.length : r.reason.name)).join(' ')}`);
await flame.close();
