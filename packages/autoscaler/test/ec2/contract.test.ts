import { expect, test } from 'vitest';
import { startFakeEc2 } from '../../../../tests/fake-ec2/index.ts';
import { ec2 } from '../../src/backends/ec2/index.ts';
import { testBackend } from '../../src/testing/index.ts';
import { options } from './support.ts';

const make = async () => {
  const cloud = await startFakeEc2({ lag: { idMs: 20, tagMs: 60 }, boot: { delayMs: 20 }, terminate: { delayMs: 20 } });
  const backend = ec2(options(cloud));
  return {
    backend,
    crash: async ({ id }: { readonly id: string }) => cloud.machines.get(id)?.terminate('Server.InternalError'),
    // A single lost answer is found within the launch itself, by the same token.
    loseNextAnswer: () => cloud.faults.next('RunInstances', { kind: 'lost-reply' }, { times: 3 }),
    dispose: async () => {
      await backend.close?.();
      await cloud.close();
    },
  };
};

testBackend('ec2', { test, expect }, make);
