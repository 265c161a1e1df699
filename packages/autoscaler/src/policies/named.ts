/** Policies by name and plain options: what live settings can say. */
import { FlameConfigError, type NamedPolicy, type Policy } from '@flamejs/queue';
import { combine } from './combine.ts';
import { type QueueDepthOptions, queueDepth } from './queue-depth.ts';
import { type ScheduleOptions, type SchedulePeriod, schedule } from './schedule.ts';
import { type Step, step } from './step.ts';
import { type WaitTimeOptions, waitTime } from './wait-time.ts';
import { type WorkOptions, work } from './work.ts';

/** @throws FlameConfigError for an unknown name or options that the policy refuses. */
export const policyByName = (described: NamedPolicy | readonly NamedPolicy[]): Policy => {
  if (Array.isArray(described)) return combine(...(described as readonly NamedPolicy[]).map(policyByName));
  const { name, options } = record(described) as Partial<NamedPolicy>;
  const make = Object.hasOwn(MAKERS, String(name)) ? MAKERS[name as keyof typeof MAKERS] : undefined;
  if (make === undefined) {
    const message = `unknown policy ${JSON.stringify(name)}; known: ${Object.keys(MAKERS).join(', ')}`;
    throw new FlameConfigError(message, { problems: [{ path: 'policy', message }] });
  }
  return make(options);
};

/** What is no record has no fields. */
const record = (options: unknown): Record<string, unknown> => ({ ...(options as object) });

const list = (options: unknown, name: string): readonly unknown[] => {
  if (Array.isArray(options) && options.every((each) => typeof each === 'object' && each !== null)) return options;
  const message = `${name} needs a list, got ${JSON.stringify(options)}`;
  throw new FlameConfigError(message, { problems: [{ path: 'policy', message }] });
};

const MAKERS = {
  queueDepth: (options: unknown) => queueDepth(record(options) as QueueDepthOptions),
  work: (options: unknown) => work(record(options) as WorkOptions),
  waitTime: (options: unknown) => waitTime(record(options) as unknown as WaitTimeOptions),
  schedule: (options: unknown) => {
    const { periods, ...rest } = record(options);
    return schedule(list(periods ?? options, 'schedule') as readonly SchedulePeriod[], rest as ScheduleOptions);
  },
  step: (options: unknown) => step(list(options, 'step') as readonly Step[]),
} as const;
