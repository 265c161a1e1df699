/** Moves the repeatable jobs of every queue that a pool of the config serves. */
import { connectPlain, describeLegacy, disconnect, whenReady } from '@flamejs/protocol';
import { moveLegacySchedules } from '@flamejs/protocol/bullmq/move-schedules';
import type { AppConfig } from '@flamejs/queue';

export interface MoveLine {
  readonly text: string;
  readonly moved: boolean;
}

/** @throws an error of the connection when Redis cannot be reached within `connectTimeout` */
export async function* moveOf(config: AppConfig): AsyncGenerator<MoveLine> {
  const client = connectPlain(config.redis, 'steady', `flame:${config.app}:migrate`);
  client.on('error', () => undefined);
  try {
    await whenReady(client, config.connectTimeoutMs);
    for (const { bullmq } of Object.values(config.pools)) {
      if (bullmq === undefined) continue;
      for (const { legacy, schedulerId, why } of await moveLegacySchedules(client, bullmq)) {
        const named = `queue ${bullmq.queue}: ${describeLegacy(legacy)}`;
        const text =
          schedulerId === undefined ? `${named} stays: ${why}` : `${named} is the job scheduler "${schedulerId}" now`;
        yield { text, moved: schedulerId !== undefined };
      }
    }
  } finally {
    disconnect(client);
  }
}
