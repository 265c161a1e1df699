/** What stands in Redis and nobody can read, runs or serves. */
import type { AppConfig } from '@flamejs/queue';
import type { Diagnosis } from './diagnose.ts';

/** Never throws. */
export const checkStored = async (config: AppConfig): Promise<readonly Diagnosis[]> => {
  const [{ openOperations }, { tuner }] = await Promise.all([
    import('@flamejs/dashboard/operations'),
    import('@flamejs/autoscaler/tuning'),
  ]);
  const operations = openOperations(config, 'doctor', tuner);
  const warn = (check: string, message: string): Diagnosis => ({ level: 'warn', check, message });
  try {
    await operations.link.ready();
    const [stored, pools] = await Promise.all([operations.findings(), operations.pools()]);
    const unserved = pools.filter(({ configured }) => !configured);
    return [
      ...stored.map((message) => warn('stored', message)),
      ...unserved.map(({ name, summary }) => ({
        ...warn(`pool ${name}`, summary),
        advice: `\`npx flamejs calls ls --pool ${name}\` lists its calls, \`npx flamejs calls cancel\` ends them.`,
      })),
    ];
  } catch (error) {
    return [warn('stored', `could not be looked through: ${error instanceof Error ? error.message : String(error)}`)];
  } finally {
    await operations.close();
  }
};
