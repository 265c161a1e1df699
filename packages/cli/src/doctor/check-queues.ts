/** Whether the queues of BullMQ that pools serve can be served: not before their repeatable jobs are job schedulers. */
import { connectPlain, describeLegacy, disconnect, findLegacySchedules, whenReady } from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import type { Diagnosis } from './diagnose.ts';

/** @returns one finding for each pool that serves a queue of BullMQ. To be asked when Redis answers */
export const checkQueues = async (config: AppConfig): Promise<readonly Diagnosis[]> => {
  const serving = Object.values(config.pools).flatMap(({ name, bullmq }) =>
    bullmq === undefined ? [] : [{ name, bullmq }],
  );
  if (serving.length === 0) return [];
  const client = connectPlain(config.redis, 'steady', 'flame:doctor:queues');
  client.on('error', () => undefined);
  try {
    await whenReady(client, config.connectTimeoutMs);
    return await Promise.all(
      serving.map(async ({ name, bullmq }): Promise<Diagnosis> => {
        const check = `queue of ${name}`;
        const legacy = await findLegacySchedules(client, bullmq);
        if (legacy.length === 0) return { level: 'ok', check, message: `"${bullmq.queue}" can be served` };
        const message = `"${bullmq.queue}" has repeatable jobs of the old kind, which BullMQ 6 does not continue: ${legacy.map(describeLegacy).join(', ')}`;
        return {
          level: 'fail',
          check,
          message,
          advice: '`npx flamejs migrate --schedules` makes job schedulers of them.',
        };
      }),
    );
  } finally {
    disconnect(client);
  }
};
