import { defineConfig } from 'vitest/config';

const patience = {
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
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          setupFiles: ['tests/support/mark-processes.ts'],
          globalSetup: ['tests/support/leftovers.ts'],
          ...patience,
        },
      },
      {
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          // Each file starts servers and runners of its own; more at once would measure the machine, not the code.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          setupFiles: ['tests/support/mark-processes.ts'],
          globalSetup: ['tests/support/leftovers.ts'],
          ...patience,
        },
      },
    ],
  },
});
