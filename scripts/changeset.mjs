// npm run changeset: says how much the version grows; also what the release workflow runs (`version`, `publish`).
import { execute, main } from './lib/run.mjs';
import { tool } from './lib/tools.mjs';

await main(async () => {
  const { code } = await execute(process.execPath, [await tool('changeset'), ...process.argv.slice(2)]);
  return code;
});
