/** Leaves the totals of a run in reports/totals.json, from which `npm test` prints its closing line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

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
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL('totals.json', folder), JSON.stringify({ ...rest, failed: rest.failed + pending }));
  }
}
