import { expect, test } from 'vitest';
import { startFakeKubernetes } from '../../../../tests/fake-kubernetes/index.ts';
import { kubernetes } from '../../src/backends/kubernetes/index.ts';
import { testBackend } from '../../src/testing/index.ts';
import { options } from './support.ts';

const make = async () => {
  const cloud = await startFakeKubernetes();
  const backend = kubernetes(options(cloud));
  return {
    backend,
    crash: async ({ runnerId }: { readonly runnerId: string }) => cloud.exit(cloud.pod(runnerId), { exitCode: 137 }),
    loseNextAnswer: () => cloud.next('POST', 'lost-reply'),
    dispose: async () => {
      await backend.close?.();
      await cloud.close();
    },
  };
};

testBackend('kubernetes', { test, expect }, make);
