// Runs StrykerJS over one area, in a copy of the sources that it makes and removes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { root } from '../lib/run.mjs';

const cache = '.cache/mutation';

/** @returns every change that was judged; see score.mjs. Those that cannot be loaded are left out. */
export async function mutate({ name, mutate: patterns, tests }, { resume, only }) {
  process.env.FLAME_MUTATION_TESTS = tests.join(' ');
  const results = await new Stryker({
    mutate: only === undefined ? patterns : [only],
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/mutation/vitest.config.ts', related: false },
    plugins: ['@stryker-mutator/vitest-runner', join(root, 'scripts/mutation/prose.mjs')],
    ignorers: ['prose'],
    coverageAnalysis: 'perTest',
    concurrency: 1,
    incremental: resume,
    incrementalFile: `${cache}/${name}.json`,
    tempDirName: `${cache}/${name}`,
    ignorePatterns: [
      '*',
      '!packages',
      '!packages/**',
      '!scripts',
      '!scripts/**',
      '!tsconfig.base.json',
      '!package.json',
      'node_modules',
      'dist',
    ],
    reporters: ['progress-append-only'],
    allowConsoleColors: false,
    logLevel: 'warn',
    // A change is not noticed because the machine was busy.
    timeoutMS: 60_000,
  }).runMutationTest();
  const sources = new Map();
  return results
    .filter(({ status }) => ['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status))
    .map(({ fileName, location, replacement, status }) => {
      if (!sources.has(fileName)) sources.set(fileName, readFileSync(fileName, 'utf8'));
      return {
        file: fileName.slice(root.length),
        line: location.start.line,
        find: textAt(sources.get(fileName), location),
        replace: replacement ?? '',
        noticed: status === 'Killed' || status === 'Timeout',
      };
    });
}

function textAt(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join('\n');
}
