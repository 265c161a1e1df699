/**
 * The number of an ECS service, which does not ask: `UpdateService`, when its `desiredCount` is another one. The SDK is loaded when it is
 * first needed.
 */

import type { ECSClient } from '@aws-sdk/client-ecs';
import { FlameConfigError } from '@flamejs/queue';
import type { EcsSettings } from './options.ts';

type Sdk = typeof import('@aws-sdk/client-ecs');

export interface EcsService {
  /** Sets it unless it is set. @throws what ECS says, and that there is no such service */
  push(wanted: number, signal: AbortSignal): Promise<void>;
  /** @throws when the service cannot be looked at */
  check(signal: AbortSignal): Promise<void>;
  close(): void;
}

export const createEcsService = (settings: EcsSettings): EcsService => {
  const { cluster, service, region, endpoint, requestTimeoutMs } = settings;
  let opened: Promise<{ readonly sdk: Sdk; readonly client: ECSClient }> | undefined;
  const open = () => {
    opened ??= loadSdk().then((sdk) => ({
      sdk,
      client: new sdk.ECSClient({
        ...{ maxAttempts: 3, retryMode: 'standard' },
        ...(region === undefined ? {} : { region }),
        ...(endpoint === undefined ? {} : { endpoint }),
      }),
    }));
    return opened;
  };
  const within = (signal: AbortSignal) => ({
    abortSignal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
  });

  const desiredCount = async (signal: AbortSignal): Promise<number> => {
    const { sdk, client } = await open();
    const { services = [] } = await client.send(
      new sdk.DescribeServicesCommand({ cluster, services: [service] }),
      within(signal),
    );
    const [found] = services;
    if (found?.status !== 'ACTIVE' || found.desiredCount === undefined)
      throw new Error(`cluster ${cluster} has no active service ${service}`);
    // Each host has one task of such a service, whatever number it is told.
    if (found.schedulingStrategy === 'DAEMON') throw new Error(`service ${service} is a DAEMON, which has no number`);
    return found.desiredCount;
  };

  return {
    async push(wanted, signal) {
      if ((await desiredCount(signal)) === wanted) return;
      const { sdk, client } = await open();
      await client.send(new sdk.UpdateServiceCommand({ cluster, service, desiredCount: wanted }), within(signal));
    },
    async check(signal) {
      await desiredCount(signal);
    },
    close() {
      void opened?.then(
        ({ client }) => client.destroy(),
        () => undefined,
      );
      opened = undefined;
    },
  };
};

const loadSdk = async (): Promise<Sdk> => {
  try {
    return await import('@aws-sdk/client-ecs');
  } catch (cause) {
    throw new FlameConfigError('external({ ecs }) needs the package @aws-sdk/client-ecs, which could not be loaded', {
      problems: [{ path: 'ecs', message: 'npm install @aws-sdk/client-ecs' }],
      advice: 'Run `npm install @aws-sdk/client-ecs`.',
      cause,
    });
  }
};
