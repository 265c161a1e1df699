/** Leaves the totals of a run, and where its time went, in reports/totals.json, which `npm test` ends with. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestModule } from 'vitest/node';
import { type FileTime, sharesOf } from './shares.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = new URL('../../reports/', import.meta.url);

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) totals[test.result().state] += 1;
      // A file that cannot be loaded holds no test, yet it is not nothing.
      if (module.errors().length > 0) totals.failed += 1;
    }
    const { pending, ...rest } = totals;
    const report = { ...rest, failed: rest.failed + pending, ...sharesOf(modules.map(timeOf)) };
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL('totals.json', folder), JSON.stringify(report));
  }
}

const timeOf = (module: TestModule): FileTime => {
  const { setupDuration, collectDuration, duration } = module.diagnostic();
  return {
    file: relative(root, module.moduleId).replaceAll('\\', '/'),
    tests: [...module.children.allTests()].length,
    ms: setupDuration + collectDuration + duration,
  };
};
