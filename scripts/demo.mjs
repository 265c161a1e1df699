// npm run demo: photographs, resized on runners that appear for the work and are gone afterwards. Works straight after a clone.
import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { execute, main, root } from './lib/run.mjs';

await main(async () => {
  await prepare({ redis: process.env.REDIS_URL === undefined });
  const args = process.argv.slice(2);
  // With --closures the work stands inline where it is called, which takes the compiler.
  const compiler = args.includes('--closures') ? ['--import', '@flamejs/compiler/register'] : [];
  const { code } = await execute(process.execPath, ['--import', 'tsx', ...compiler, 'src/main.ts', ...args], {
    cwd: join(root, 'examples/image-resize'),
    env: { INIT_CWD: process.env.INIT_CWD ?? process.cwd() }, // where the person stands, for the path that is printed
  });
  return code;
});
