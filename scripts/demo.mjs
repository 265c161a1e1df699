// npm run demo: photographs, resized on runners that appear for the work and are gone afterwards. Works straight after a clone.
import { main } from './lib/run.mjs';
import { runExample } from './lib/run-example.mjs';

await main(() => {
  const args = process.argv.slice(2);
  // With --closures the work stands inline where it is called, which takes the compiler.
  const compiler = args.includes('--closures') ? ['--import', 'flamejs/register'] : [];
  return runExample('image-resize', args, { nodeArgs: compiler });
});
