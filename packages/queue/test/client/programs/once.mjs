/** Does one thing with Flame, closes nothing, and has nothing more to do. */
import { bytes, flame, say } from './common.mjs';

const what = process.argv[2];
if (what === 'call') say(`got ${(await flame.call(bytes, 5)).length}`);
if (what === 'cast') say(`cast ${(await flame.cast(bytes, 5)).id}`);
if (what === 'linked') say(`cast ${(await flame.cast(bytes.with({ link: true }), 5)).id}`);
if (what === 'signal') say(`cast ${(await flame.cast(bytes.with({ signal: new AbortController().signal }), 5)).id}`);
if (what === 'status') say((await flame.attach((await flame.cast(bytes, 5)).id).status()).state);
if (what === 'progress') {
  const handle = await flame.cast(bytes, 5);
  for await (const _ of handle.progress());
  say(`over ${(await handle.status()).state}`);
}
if (what === 'outage') {
  await flame.cast(bytes, 5);
  say('cast');
  // The test takes Redis away, and says so.
  process.stdin.on('data', () => process.stdin.destroy());
}
say('done');
