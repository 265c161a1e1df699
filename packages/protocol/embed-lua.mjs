// Puts the scripts of src/lua/*.lua, each with the libraries that it uses, into a module: they are loaded without reading files, so
// that a caller can be bundled. Comments and the list of replies' fields stay in the .lua files, which are the documentation.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('./src/lua/', import.meta.url);
const read = (name) => readFileSync(new URL(name, folder), 'utf8');
const header = (text, name) => new RegExp(`^-- ${name}: (.+)$`, 'm').exec(text)?.[1];
const bare = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/^\s*--.*$/, '').trimEnd())
    .filter((line) => line !== '')
    .join('\n');

/** A library may need another one, which comes before it. */
const withNeeds = (names) => [
  ...new Set(
    names.flatMap((name) => [...(header(read(`lib/${name}.lua`), 'needs') ?? '').split(' '), name]).filter(Boolean),
  ),
];

/** For what is written in TypeScript around Lua. */
const libraries = {
  tell: bare(read('lib/tell.lua')),
  tokens: bare(read('lib/tokens.lua')),
  gate: bare(read('lib/gate.lua')),
};
const scripts = {};
const fields = {};
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.lua'))
  .sort()) {
  const name = file.slice(0, -'.lua'.length);
  const text = read(file);
  const used = withNeeds((header(text, 'uses') ?? '').split(' ').filter(Boolean));
  scripts[name] = `${[...used.map((library) => bare(read(`lib/${library}.lua`))), bare(text)].join('\n')}\n`;
  for (const [, reply, names] of text.matchAll(/^-- (\w+): ((?:\w+ ){3,}\w+)$/gm))
    if (reply !== 'uses') fields[reply] = Object.fromEntries(names.split(' ').map((field, at) => [field, at]));
}

const out = `/** Made by \`embed-lua.mjs\` from the .lua files beside it; not kept in git. */
export const LUA = ${JSON.stringify(scripts, null, 2)} as const;

/** Parts that other scripts use, too. */
export const LIBRARIES = ${JSON.stringify(libraries, null, 2)} as const;

/** Where each field stands in a reply that is a list. */
export const FIELDS = ${JSON.stringify(fields, null, 2)} as const;
`;
const target = new URL('embedded.ts', folder);
if (!existsSync(target) || readFileSync(target, 'utf8') !== out) writeFileSync(target, out);
