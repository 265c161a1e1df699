/**
 * The SDK, loaded when it is first needed: an app that uses other backends does not have to install it, and one that only
 * makes calls does not pay for loading it.
 */
import type {
  DescribeInstancesCommandInput,
  DescribeInstancesCommandOutput,
  EC2Client,
  RunInstancesCommandInput,
  RunInstancesCommandOutput,
  TerminateInstancesCommandInput,
} from '@aws-sdk/client-ec2';
import { FlameConfigError } from '@flamejs/queue';
import type { Ec2Settings } from './options.ts';

export interface Ec2Api {
  /** Sent once: a repeat must know how the one before it ended, which the SDK's own retry forgets. */
  runInstances(input: RunInstancesCommandInput, signal: AbortSignal): Promise<RunInstancesCommandOutput>;
  /** Retried by the SDK. */
  describeInstances(input: DescribeInstancesCommandInput, signal: AbortSignal): Promise<DescribeInstancesCommandOutput>;
  /** Retried by the SDK. */
  terminateInstances(input: TerminateInstancesCommandInput, signal: AbortSignal): Promise<void>;
  close(): void;
}

type Sdk = typeof import('@aws-sdk/client-ec2');

export const createApi = (settings: Ec2Settings): Ec2Api => {
  let opened: Promise<{ sdk: Sdk; once: EC2Client; retrying: EC2Client }> | undefined;
  const open = (): Promise<{ sdk: Sdk; once: EC2Client; retrying: EC2Client }> => {
    opened ??= loadSdk().then((sdk) => ({
      sdk,
      once: new sdk.EC2Client({ ...clientOptions(settings), maxAttempts: 1 }),
      retrying: new sdk.EC2Client({ ...clientOptions(settings), maxAttempts: 4 }),
    }));
    return opened;
  };
  const bounded = (signal: AbortSignal): { abortSignal: AbortSignal } => ({
    abortSignal: AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]),
  });
  return {
    runInstances: async (input, signal) => {
      const { sdk, once } = await open();
      return once.send(new sdk.RunInstancesCommand(input), bounded(signal));
    },
    describeInstances: async (input, signal) => {
      const { sdk, retrying } = await open();
      return retrying.send(new sdk.DescribeInstancesCommand(input), bounded(signal));
    },
    terminateInstances: async (input, signal) => {
      const { sdk, retrying } = await open();
      await retrying.send(new sdk.TerminateInstancesCommand(input), bounded(signal));
    },
    close: () => {
      void opened?.then(
        ({ once, retrying }) => {
          once.destroy();
          retrying.destroy();
        },
        () => undefined,
      );
      opened = undefined;
    },
  };
};

const clientOptions = (settings: Ec2Settings) => ({
  region: settings.region,
  retryMode: 'standard' as const,
  ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
  ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
});

const loadSdk = async (): Promise<Sdk> => {
  try {
    return await import('@aws-sdk/client-ec2');
  } catch (cause) {
    throw new FlameConfigError('ec2() needs the package @aws-sdk/client-ec2, which could not be loaded', {
      problems: [{ path: '', message: 'npm install @aws-sdk/client-ec2' }],
      advice: 'Run `npm install @aws-sdk/client-ec2`.',
      cause,
    });
  }
};
