// npm run nightly: what is too long for every push, in full size. A part that fails does not keep the others from running.
import { prepare } from './lib/prepare.mjs';
import { execute, main, say, seconds } from './lib/run.mjs';

const parts = [
  { name: 'tests in full size', command: ['scripts/test.mjs'], env: { FLAME_TIER: 'nightly' } },
  { name: 'fuzz', command: ['--import', 'tsx', 'scripts/fuzz-codec.ts', '--count', '10000000'] },
  { name: 'sabotage', command: ['scripts/sabotage.mjs'] },
  { name: 'mutation', command: ['scripts/mutation.mjs'] },
  { name: 'packages and dead code', command: ['scripts/lint-packages.mjs', '--all'] },
  { name: 'site of the docs', command: ['scripts/site.mjs'] },
  { name: 'demo', command: ['scripts/demo.mjs'] },
  { name: 'bench', command: ['scripts/bench.mjs'] },
];

await main(async () => {
  await prepare({ browser: true, clocks: true, engine: true });
  const wanted = process.argv[2];
  const chosen = parts.filter((part) => wanted === undefined || part.name.includes(wanted));
  const results = [];
  for (const { name, command, env } of chosen) {
    say(`\n=== ${name}`);
    const started = performance.now();
    const { code } = await execute(process.execPath, command, { env: env ?? {} });
    results.push({ name, code, took: seconds(started) });
  }
  say('');
  for (const { name, code, took } of results) say(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name} (${took})`);
  return results.length > 0 && results.every(({ code }) => code === 0) ? 0 : 1;
});
