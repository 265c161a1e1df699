// node vendor.mjs: puts the charting library beside our own assets. Pages load files as they are: nothing is built for them, and
// whoever installs the dashboard installs no library that only browsers use.
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const library = dirname(dirname(createRequire(import.meta.url).resolve('uplot')));
const folder = fileURLToPath(new URL('assets/vendor/', import.meta.url));

mkdirSync(folder, { recursive: true });
for (const [file, name] of [
  ['dist/uPlot.esm.js', 'uplot.js'],
  ['dist/uPlot.min.css', 'uplot.css'],
  ['LICENSE', 'uplot-LICENSE.txt'],
])
  copyFileSync(join(library, file), join(folder, name));
