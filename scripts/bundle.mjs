// node scripts/bundle.mjs PACKAGE…: the programs of a package as bundles. A process that has to find and read some hundred files
// before it can begin takes longer for that than for its work. What `tsc` has written stays what others import.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** `external`: programs of their own, and what is loaded for long-running commands only. */
const PROGRAMS = {
  runner: { external: [] },
  cli: { external: ['@flamejs/autoscaler', '@flamejs/dashboard', '@flamejs/runner', '@flamejs/runner/main'] },
};

/** Where a module of another package stands that looks for files beside itself. */
const PLACES = { 'dashboard/dist/operations/previewer.js': "import.meta.resolve('@flamejs/dashboard/operations')" };

/** A module finds the files beside it also when it has become part of a bundle. */
const placesKept = (name) => ({
  name: 'places',
  setup(bundle) {
    bundle.onLoad({ filter: /packages\/\w+\/dist\/.*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const own = relative(join(packages, name), path);
      const place = own.startsWith('..')
        ? PLACES[relative(packages, path)]
        : `new URL(${JSON.stringify(`../${own}`)}, import.meta.url).href`;
      if (place === undefined)
        throw new Error(`${path} looks for files beside itself: name its place in scripts/bundle.mjs`);
      return { contents: text.replaceAll('import.meta.url', place), loader: 'js' };
    });
  },
});

/** By their exact names: esbuild would take a package's subpaths for external too. */
const external = (names) => ({
  name: 'external',
  setup(bundle) {
    bundle.onResolve({ filter: /^@flamejs\// }, ({ path }) =>
      names.includes(path) ? { path, external: true } : undefined,
    );
  },
});

/** CommonJS in a bundle of ES modules asks for Node's own modules by `require`. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Of CommonJS that is imported at run time a bundle has the default export alone: code that works unbundled would find nothing. */
const refuseLateCommonJs = (inputs) => {
  for (const [file, { imports }] of Object.entries(inputs))
    for (const { path, kind } of imports)
      if (kind === 'dynamic-import' && inputs[path]?.format === 'cjs')
        throw new Error(`${file} imports ${path} at run time, which is CommonJS: import it from a module of our own`);
};

const licences = (inputs) => {
  const folders = new Set(
    Object.keys(inputs).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []),
  );
  const texts = [...folders].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    return `${name} ${version}\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim()}`;
  });
  return `These packages are part of the bundles.\n\n${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
};

for (const name of process.argv.slice(2)) {
  const folder = join(packages, name);
  const outdir = join(folder, 'bundle');
  if (existsSync(outdir)) rmSync(outdir, { recursive: true });
  const { metafile } = await build({
    entryPoints: [join(folder, 'dist/main.js')],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Stacks are read by people: names and lines stay, and there is no map that could not be resolved.
    minifySyntax: true,
    // A class that names itself would be called otherwise, and names of errors are told to people and compared.
    keepNames: true,
    legalComments: 'none',
    banner: { js: REQUIRE },
    plugins: [external(PROGRAMS[name].external), placesKept(name)],
    metafile: true,
    logLevel: 'warning',
  });
  refuseLateCommonJs(metafile.inputs);
  writeFileSync(join(outdir, 'LICENSES.txt'), licences(metafile.inputs));
}
