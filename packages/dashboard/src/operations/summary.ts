/** A pool in one sentence, and how worried to be. Pure. */
import type { PoolView } from './types.ts';

type Facts = Omit<PoolView, 'summary' | 'health'> & { readonly now: number };

/** An autoscaler whose last look is older than this is taken for gone. */
const SILENT_MS = 60_000;

export const summarise = (pool: Facts): Pick<PoolView, 'summary' | 'health'> => {
  const { waiting, active, runners } = pool;
  const ready = runners.ready;
  const coming = runners.requested + runners.booting;
  const load = [
    active > 0 ? `${count(active, 'call')} running` : '',
    waiting > 0 ? `${waiting} waiting` : '',
    active + waiting === 0 && pool.delayed > 0 ? `${count(pool.delayed, 'call')} due later` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
  const staff = [
    ready > 0 ? `${count(ready, 'runner')} ready` : '',
    coming > 0 ? `${coming} booting` : '',
    runners.draining > 0 ? `${runners.draining} draining` : '',
    runners.lost > 0 ? `${runners.lost} lost` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
  const say = (health: PoolView['health'], why?: string): Pick<PoolView, 'summary' | 'health'> => {
    const what = [load || 'no calls', staff || 'no runners'].join('; ');
    return { health, summary: why === undefined ? what : `${what}: ${why}` };
  };

  if (!pool.configured && ready === 0)
    return say(waiting + pool.delayed > 0 ? 'bad' : 'attention', 'the config has no such pool: nobody serves it');
  if (pool.paused) return say(waiting > 0 ? 'attention' : 'idle', 'the pool is paused');
  if (waiting > 0 && ready === 0) {
    if (pool.blocked !== undefined) return say('bad', `no runner can be started: ${pool.blocked}`);
    if (pool.bootFailure !== undefined) return say('bad', `the last runner did not boot: ${pool.bootFailure}`);
    if (pool.autoscaledAt === 0 && coming === 0) return say('bad', 'no autoscaler has ever seen this pool');
    if (pool.now - pool.autoscaledAt > SILENT_MS) return say('bad', 'the autoscaler no longer answers');
    return say('attention', coming > 0 ? 'a runner is on its way' : 'a runner is about to be launched');
  }
  if (pool.bootFailure !== undefined) return say('attention', `the last runner did not boot: ${pool.bootFailure}`);
  if (pool.disobeys !== undefined) return say('attention', pool.disobeys);
  if (runners.lost > 0) return say('attention');
  if (waiting > 0 && ready >= pool.max && pool.max > 0) return say('busy', `all ${pool.max} runners are taken`);
  return say(active + waiting > 0 ? 'busy' : 'idle');
};

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
