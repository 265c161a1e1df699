/** Every metric by name: once, here. docs/metrics-and-traces.md, the dashboard and the rules for Grafana are compared with this list by tests. */

export interface MetricDoc {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  /** Beside `pool`, which all of pools have. */
  readonly labels: readonly string[];
}

const gauge = (help: string, labels: readonly string[] = ['pool']): MetricDoc => ({ type: 'gauge', help, labels });
const counter = (help: string, ...more: readonly string[]): MetricDoc => ({
  type: 'counter',
  help,
  labels: ['pool', ...more],
});
const histogram = (help: string, ...more: readonly string[]): MetricDoc => ({
  type: 'histogram',
  help,
  labels: ['pool', ...more],
});

export const METRICS = {
  flame_calls: gauge('Calls by state; failed and succeeded are those whose outcome is still kept.', ['pool', 'state']),
  flame_oldest_wait_seconds: gauge('How long the call that is served next has waited.'),
  flame_pool_paused: gauge('1 while the pool is paused.'),
  flame_last_start_timestamp_seconds: gauge('Last start of any call; 0 for never.'),
  flame_calls_begun_total: counter('Calls whose first attempt has begun.', 'function'),
  flame_attempts_total: counter('Attempts that have ended, by how.', 'function', 'outcome'),
  flame_calls_ended_total: counter(
    'Calls that have ended on a runner: value, or the class of their error.',
    'function',
    'outcome',
  ),
  flame_call_wait_seconds: histogram('How long an attempt waited until an executor began it.', 'function'),
  flame_call_run_seconds: histogram('How long an attempt ran.', 'function'),
  flame_call_cold_start_seconds: histogram('Waiting of calls that waited for their machine to boot.', 'function'),
  flame_runners: gauge('Runners by state.', ['pool', 'state']),
  flame_runners_wanted: gauge('Runners that the policy wants, bounds applied; -1 while not known.'),
  flame_replicas_wanted: gauge(
    'Runners that the platform of a pool with external() should keep; no sample while that is not known.',
  ),
  flame_runners_max: gauge('Most runners that the pool may have.'),
  flame_slots: gauge('Calls that the ready runners can execute at once.'),
  flame_boot_failing: gauge('1 while the newest runner did not boot.'),
  flame_breaker_open: gauge('1 while nothing is launched because runners do not boot.'),
  flame_launches_total: counter('Machines that were asked for.'),
  flame_launch_failures_total: counter('Machines that did not come: boot, or why the provider refused.', 'kind'),
  flame_runners_lost_total: counter('Runners that fell silent.'),
  flame_runner_boot_seconds: histogram('From asking for a machine until its runner was ready.'),
  flame_machine_seconds_total: counter('Time of machines by whose it is: calls, boot, idle, drain.', 'purpose'),
  flame_machine_cost_dollars_total: counter('What that time cost, of machines that have a price.', 'purpose'),
  flame_machine_unpriced_seconds_total: counter('Time of machines that have no price.', 'purpose'),
  flame_function_machine_seconds_total: counter('Time of machines that the calls of a function used.', 'function'),
  flame_function_cost_dollars_total: counter('What that time cost, of machines that have a price.', 'function'),
  flame_redis_round_trip_seconds: gauge(
    'How long a heartbeat took to Redis and back: the slowest of the runners that are there.',
  ),
  flame_autoscaler_silent_seconds: gauge('Since an autoscaler was last heard of; -1 for never.', []),
  flame_leader_epoch: gauge('How often a leading autoscaler was elected.', []),
  flame_scrape_round_trip_seconds: gauge('How long the process that is scraped took to Redis and back.', []),
} as const satisfies Readonly<Record<string, MetricDoc>>;

export type MetricName = keyof typeof METRICS;
