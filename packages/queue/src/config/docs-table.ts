/** The options table of the documentation, generated from the schemas so that it cannot fall behind. */
import { callOptionDocs } from './call-option-docs.ts';
import { poolShape } from './pool-shape.ts';
import { appShape } from './schema.ts';
import type { OptionDoc, Shape } from './shape.ts';

/** @returns markdown: one table for the app, one for a pool, one for functions and calls. */
export const optionsTable = (): string =>
  [
    section('App options', docsOf(appShape)),
    section('Pool options', docsOf(poolShape)),
    section('Function and call options', callOptionDocs),
    UNITS,
  ].join('\n');

const UNITS = `A duration is a number of milliseconds or a string such as \`250ms\`, \`30s\`, \`5m\`, \`2h\`, \`7d\`. Bytes are a number or a
string such as \`512KB\`, \`16MB\`, \`1GB\`, where 1 KB is 1,024 bytes.
`;

export const docsOf = (shape: Shape): Readonly<Record<string, OptionDoc>> =>
  Object.fromEntries(Object.entries(shape).map(([name, { doc }]) => [name, doc]));

const section = (title: string, docs: Readonly<Record<string, OptionDoc>>): string => {
  const rows = Object.entries(docs).map(
    ([name, { kind, default: fallback, description }]) =>
      `| \`${name}\` | ${cell(kind)} | ${cell(fallback)} | ${cell(description)} |`,
  );
  return `## ${title}\n\n| option | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
};

const cell = (text: string): string => text.replaceAll('|', '\\|');
