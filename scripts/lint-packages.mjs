// npm run lint:packages: what a package looks like to those who install it (publint), and files that are too long; with --all also
// dead code (knip), and whether the types of the packed packages are those of their code (attw). They are ES modules only, and say so.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from './lib/registry.mjs';
import { execute, main, root, say } from './lib/run.mjs';
import { tool } from './lib/tools.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);

await main(async () => {
  const checks = readdirSync(join(root, 'packages')).map((name) => ({
    label: `publint ${name}`,
    run: () =>
      execute(bin('publint'), ['run', join(root, 'packages', name), '--strict', '--pack', 'false'], { quiet: true }),
  }));
  const lines = [join(root, 'scripts/lines.mjs'), '--check'];
  checks.push({ label: 'lines', run: () => execute(process.execPath, lines, { quiet: true }) });
  const all = process.argv.includes('--all');
  if (all) checks.push({ label: 'knip', run: () => execute(bin('knip'), ['--no-progress'], { quiet: true }) });
  const results = await Promise.all(checks.map(async ({ label, run }) => ({ label, ...(await run()) })));
  if (all) results.push(...(await checkTypes()));
  for (const { label, code, output } of results) say(code === 0 ? `${label}: ok` : `${label}: FAILED\n${output}`);
  return results.every(({ code }) => code === 0) ? 0 : 1;
});

async function checkTypes() {
  const folder = mkdtempSync(join(tmpdir(), 'flame-packed-'));
  try {
    const attw = await tool('attw');
    const results = [];
    for (const { name, filename } of (await packAll(folder)).values()) {
      const args = [attw, join(folder, filename), '--profile', 'esm-only', '--format', 'ascii', '--no-color'];
      results.push({ label: `attw ${name}`, ...(await execute(process.execPath, args, { quiet: true })) });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
