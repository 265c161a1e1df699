/** What Prometheus scrapes. Labels are pools and states only, so their number stays small whatever is called. */
import type { Operations } from '../operations/operations.ts';
import type { PoolView } from '../operations/types.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly values: (pool: PoolView) => readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

const gauge = (name: string, help: string, value: (pool: PoolView) => number): Metric => ({
  name,
  help,
  values: (pool) => [[{}, value(pool)]],
});

const METRICS: readonly Metric[] = [
  {
    name: 'flame_calls',
    help: 'Calls by state; failed and succeeded are those whose outcome is still kept.',
    values: (p) =>
      (['waiting', 'delayed', 'active', 'failed', 'succeeded'] as const).map((state) => [{ state }, p[state]] as const),
  },
  {
    name: 'flame_runners',
    help: 'Runners by state.',
    values: (p) => Object.entries(p.runners).map(([state, count]) => [{ state }, count] as const),
  },
  gauge('flame_slots', 'Calls that the ready runners can execute at once.', (p) => p.slots),
  gauge(
    'flame_runners_wanted',
    'Runners that the policy wants, bounds applied; -1 while not known.',
    (p) => p.wanted ?? -1,
  ),
  gauge('flame_oldest_wait_seconds', 'How long the call that is served next has waited.', (p) => p.oldestWaitMs / 1000),
  gauge('flame_pool_paused', '1 while the pool is paused.', (p) => (p.paused ? 1 : 0)),
  gauge('flame_last_start_timestamp_seconds', 'Last start of any call; 0 for never.', (p) => p.lastStartAt / 1000),
  gauge('flame_boot_failing', '1 while the newest runner did not boot.', (p) => (p.bootFailure === undefined ? 0 : 1)),
];

export const renderMetrics = async (operations: Operations): Promise<string> => {
  const [pools, system] = await Promise.all([operations.pools(), operations.system()]);
  const silent = system.autoscalerSilentMs;
  const lines = METRICS.flatMap(({ name, help, values }) => [
    ...head(name, help),
    ...pools.flatMap((pool) =>
      values(pool).map(([labels, value]) => `${name}${labelText({ pool: pool.name, ...labels })} ${value}`),
    ),
  ]);
  lines.push(
    ...head('flame_autoscaler_silent_seconds', 'Since an autoscaler was last heard of; -1 for never.'),
    `flame_autoscaler_silent_seconds ${silent === null ? -1 : silent / 1000}`,
  );
  return `${lines.join('\n')}\n`;
};

const head = (name: string, help: string): string[] => [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`];

const labelText = (labels: Readonly<Record<string, string>>): string =>
  `{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`)
    .join(',')}}`;
