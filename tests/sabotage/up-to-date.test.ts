/** Every sabotage switch still finds its text, so that it cannot rot unseen between two nightly runs. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { SabotageSwitch } from './switch.ts';

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.switches.ts'));
const lists = await Promise.all(
  files.map(async (name) => ((await import(new URL(name, folder).href)) as { default: SabotageSwitch[] }).default),
);
const textOf = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

test.each(lists.flat().map((one) => [one.name, one] as const))(
  'switch "%s": its text occurs once, its tests exist',
  (_, one) => {
    expect(textOf(one.file).split(one.find)).toHaveLength(2);
    for (const file of (one.in ?? []).filter((path) => path.endsWith('.ts')))
      expect(textOf(file).length).toBeGreaterThan(0);
  },
);
