// Writes dist/jest: the parts of flamejs that tests import, as CommonJS, for Jest, which on Node 20 takes no ES modules of packages.
// One bundle holds them all, so that they are one copy; each entry names its exports in a way that `import` of CommonJS can see.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ENTRIES = ['index', 'errors', 'local', 'docker', 'ec2', 'fly', 'policies', 'payload', 'testing'];
const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, '../dist');
const out = join(dist, 'jest');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const nameOf = (entry) => entry.replaceAll('-', '_');
await build({
  stdin: {
    contents: ENTRIES.map((entry) => `export * as ${nameOf(entry)} from './${entry}.js';`).join('\n'),
    resolveDir: dist,
  },
  outfile: join(out, 'all.cjs'),
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  // Installed packages stay what they are; ours are part of it.
  plugins: [
    {
      name: 'installed',
      setup(build) {
        build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
          kind === 'entry-point' || /^@?flamejs(\/|$)/.test(path) ? undefined : { path, external: true },
        );
      },
    },
  ],
  define: { 'import.meta.url': '__flameUrl' },
  banner: { js: "const __flameUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'error',
});

for (const entry of ENTRIES) {
  const names = Object.keys(await import(join(dist, `${entry}.js`)));
  const lines = names.map((name) => `exports.${name} = part.${name};`);
  writeFileSync(
    join(out, `${entry}.cjs`),
    `const part = require('./all.cjs').${nameOf(entry)};\n${lines.join('\n')}\n`,
  );
}
writeFileSync(join(out, 'inline.cjs'), "process.env.FLAME_MODE = 'inline';\nrequire('./all.cjs');\n");
