// npm run lint:packages: what a package looks like to those who install it (publint), and dead code (knip, with --all).
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execute, main, root, say } from './lib/run.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);

await main(async () => {
  const checks = readdirSync(join(root, 'packages')).map((name) => ({
    label: `publint ${name}`,
    run: () =>
      execute(bin('publint'), ['run', join(root, 'packages', name), '--strict', '--pack', 'false'], { quiet: true }),
  }));
  if (process.argv.includes('--all')) {
    checks.push({ label: 'knip', run: () => execute(bin('knip'), ['--no-progress'], { quiet: true }) });
  }
  const results = await Promise.all(checks.map(async ({ label, run }) => ({ label, ...(await run()) })));
  for (const { label, code, output } of results) say(code === 0 ? `${label}: ok` : `${label}: FAILED\n${output}`);
  return results.every(({ code }) => code === 0) ? 0 : 1;
});
