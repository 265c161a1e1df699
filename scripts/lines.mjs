// npm run lines: how many lines of code each package has, TypeScript and Lua together, without blank lines and comments, and which
// files are longest. With --check it fails for a source file of more than 300 lines: a second noun hides in it.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { main, root, say } from './lib/run.mjs';

const MOST_LINES = 300;
/** What a build has written. */
const GENERATED = new Set(['embedded.ts']);
const COMMENTS = {
  ts: { line: /^\s*\/\//, open: /^\s*\/\*/, close: /\*\// },
  lua: { line: /^\s*--(?!\[\[)/, open: /^\s*--\[\[/, close: /\]\]/ },
};

await main(async () => {
  const packages = readdirSync(join(root, 'packages')).map((name) => ({ name, files: sourcesOf(name) }));
  const tooLong = packages.flatMap(({ files }) => files).filter(({ lines }) => lines > MOST_LINES);
  if (process.argv.includes('--check')) {
    for (const { path, lines } of tooLong) say(`${path} has ${lines} lines, at most ${MOST_LINES} are read with ease`);
    return tooLong.length === 0 ? 0 : 1;
  }
  const sums = packages.map(({ name, files }) => ({ name, ts: sum(files, 'ts'), lua: sum(files, 'lua') }));
  for (const { name, ts, lua } of sums)
    say(`${name.padEnd(14)} ${show(ts + lua)}${lua > 0 ? `, of these Lua ${lua}` : ''}`);
  say(`${'together'.padEnd(14)} ${show(sums.reduce((all, { ts, lua }) => all + ts + lua, 0))} lines of code`);
  const longest = packages.flatMap(({ files }) => files).sort((a, b) => b.lines - a.lines);
  for (const { path, lines } of longest.slice(0, 10)) say(`${show(lines)} ${path}`);
  return 0;
});

function sourcesOf(name) {
  const folder = join(root, 'packages', name, 'src');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|lua)$/.test(entry.name) && !GENERATED.has(basename(entry.name)))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const kind = entry.name.endsWith('.lua') ? 'lua' : 'ts';
      const text = readFileSync(path, 'utf8').replace(/\n$/, '').split('\n');
      return { path: relative(root, path), kind, lines: text.length, code: codeLines(text, COMMENTS[kind]) };
    });
}

function codeLines(text, { line, open, close }) {
  let count = 0;
  let inside = false;
  for (const each of text) {
    if (!inside && open.test(each)) inside = true;
    else if (!inside && each.trim() !== '' && !line.test(each)) count += 1;
    if (inside && close.test(each)) inside = false;
  }
  return count;
}

function sum(files, kind) {
  return files.filter((file) => file.kind === kind).reduce((all, { code }) => all + code, 0);
}

function show(number) {
  return String(number).padStart(6);
}
