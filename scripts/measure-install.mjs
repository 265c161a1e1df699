// npm run measure:install: what installing Flame costs, from packed packages; or what the packages that are named cost.
// `npm run measure:install -- bullmq` prints one line: packages, megabytes. Install scripts stay off.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { startRegistry } from './lib/registry.mjs';
import { main, say, step } from './lib/run.mjs';

await main(async () => {
  const given = process.argv.slice(2);
  const folder = mkdtempSync(join(tmpdir(), 'flame-measure-'));
  try {
    say('| installed | packages | MB |\n|---|---:|---:|');
    if (given.length > 0) {
      say(await measure(folder, given));
      return 0;
    }
    await prepare({ redis: false });
    const tarballs = join(folder, 'tarballs');
    mkdirSync(tarballs);
    const registry = await startRegistry(tarballs);
    say(await measure(folder, ['flamejs'], registry.url));
    await registry.close();
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function measure(folder, names, registry) {
  const home = join(folder, 'home');
  mkdirSync(home);
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', ...(registry ? ['--registry', registry] : [])];
  await step('npm install', 'npm', ['install', '--prefix', home, ...names, ...flags], { quiet: true, cwd: home });
  const { packages } = JSON.parse(readFileSync(join(home, 'node_modules/.package-lock.json'), 'utf8'));
  const megabytes = sizeOf(join(home, 'node_modules')) / 1_000_000;
  return `| ${names.map((name) => `\`${name}\``).join(', ')} | ${Object.keys(packages).length} | ${megabytes.toFixed(0)} |`;
}

function sizeOf(folder) {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
