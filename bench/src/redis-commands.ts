/** Which Redis commands something costs, as MONITOR shows them: what clients send, and what scripts do inside of the server. */
import type { Redis } from 'ioredis';

export interface CommandCounts {
  readonly sent: ReadonlyMap<string, number>;
  readonly inScripts: ReadonlyMap<string, number>;
}

/** @returns what the server did while `work` went on, by lower-case name of the command */
export const commandsOf = async (redis: Redis, work: () => Promise<unknown>): Promise<CommandCounts> => {
  const sent = new Map<string, number>();
  const inScripts = new Map<string, number>();
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, args: readonly string[], source: string) => {
    const counts = source === 'lua' ? inScripts : sent;
    const name = String(args[0]).toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  try {
    await work();
    // What has been done is shown in order: everything before this is here when this is.
    const mark = `end-${process.pid}`;
    const shown = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, args: readonly string[]) => {
        if (args[1] === mark) resolve();
      });
    });
    await redis.echo(mark);
    await shown;
    sent.set('echo', (sent.get('echo') ?? 1) - 1);
    return { sent, inScripts };
  } finally {
    monitor.disconnect();
  }
};

/** @returns the sum per call, and the names with more than a twentieth of a command per call, the most frequent first */
export const perCall = (counts: ReadonlyMap<string, number>, calls: number): { total: number; names: string } => {
  const rows = [...counts].sort(([, a], [, b]) => b - a).filter(([, count]) => count / calls >= 0.05);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0) / calls;
  return { total, names: rows.map(([name, count]) => `${name} ${(count / calls).toFixed(1)}`).join(', ') };
};
