// The tests of one area, over the sources of all packages: a mutant in one must be seen by tests of another.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../../', import.meta.url));
const packages = `${root}packages`;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@flamejs\/queue\/load-config$/, replacement: `${packages}/queue/src/config/load-config.ts` },
      {
        find: /^@flamejs\/(protocol|autoscaler)\/(codec|payload|errors|testing|policies|tuning)$/,
        replacement: `${packages}/$1/src/$2/index.ts`,
      },
      { find: /^@flamejs\/(protocol|queue|autoscaler|compiler|runner)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@flamejs\/(protocol|queue)\/([a-z/-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    root,
    include: process.env.FLAME_MUTATION_TESTS?.split(' ') ?? [],
    testTimeout: 30_000,
  },
});
