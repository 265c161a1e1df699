import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const shared = {
  // Most tests wait for processes and leases; one file more than there are processors keeps those busy. No test asserts
  // a time, so that none minds its neighbours. Both projects fill the same workers, system tests first.
  maxWorkers: availableParallelism() + 1,
  setupFiles: ['tests/support/mark-processes.ts'],
  globalSetup: ['tests/support/leftovers.ts'],
  testTimeout: 180_000,
  hookTimeout: 180_000,
  teardownTimeout: 20_000,
};

export default defineConfig({
  test: {
    pool: 'forks',
    reporters: [process.env.CI === undefined ? 'default' : 'verbose', './tests/support/totals-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          ...shared,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          ...shared,
        },
      },
    ],
  },
});
