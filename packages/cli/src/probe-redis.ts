/** Whether a Redis answers. */
import type { RedisConfig } from '@flamejs/queue';

export const answers = async (redis: RedisConfig, withinMs: number): Promise<boolean> => {
  const { connect, disconnect, whenReady } = await import('@flamejs/protocol/connect');
  const client = connect(redis, 'steady', 'flame:dev:probe');
  client.on('error', () => undefined);
  try {
    await whenReady(client, withinMs);
    return true;
  } catch {
    return false;
  } finally {
    disconnect(client);
  }
};
