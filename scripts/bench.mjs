// npm run bench [-- part of a case's name]: performance as ratios against a peer in the same run.
import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { execute, main, root } from './lib/run.mjs';

await main(async () => {
  await prepare();
  const { code } = await execute(process.execPath, ['--import', 'tsx', 'src/main.ts', ...process.argv.slice(2)], {
    cwd: join(root, 'bench'),
  });
  return code;
});
