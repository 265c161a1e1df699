import type { Instance, InstanceEnd, InstanceState } from '@flamejs/queue';
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { instanceEnd } from '../instance-end.ts';
import { LABEL } from './container-spec.ts';

const STATES: Readonly<Record<string, InstanceState>> = {
  created: 'pending',
  running: 'running',
  paused: 'running',
  restarting: 'running',
  stopping: 'stopping',
  removing: 'stopping',
  exited: 'gone',
  stopped: 'gone',
  dead: 'gone',
};

const stateOf = (status: string): InstanceState => STATES[status] ?? 'running';

export const fromInspect = ({ Id, Created, Config, State }: ContainerInspectInfo): Instance => {
  const state = stateOf(State.Status);
  return {
    id: Id,
    runnerId: Config.Labels?.[LABEL.runnerId] ?? '',
    pool: Config.Labels?.[LABEL.pool] ?? '',
    state,
    launchedAt: Date.parse(Created),
    details: { image: Config.Image },
    ...(state === 'gone' ? { end: endOf(State) } : {}),
  };
};

/** @param output what it wrote last */
export const endOf = (state: ContainerInspectInfo['State'], output = ''): InstanceEnd => {
  // Above 128 a container's code is 128 and the signal that ended its process.
  const signal = SIGNALS[state.ExitCode];
  return instanceEnd({
    exitCode: state.ExitCode,
    ...(signal === undefined ? {} : { signal }),
    ...(state.OOMKilled ? { outOfMemory: true } : {}),
    told: state.Error === '' ? undefined : state.Error,
    output,
  });
};

const SIGNALS: Readonly<Record<number, string>> = { 134: 'SIGABRT', 137: 'SIGKILL', 139: 'SIGSEGV', 143: 'SIGTERM' };

export const fromList = ({ Id, Created, Labels, State, Image }: ContainerInfo): Instance => ({
  id: Id,
  runnerId: Labels[LABEL.runnerId] ?? '',
  pool: Labels[LABEL.pool] ?? '',
  state: stateOf(State),
  launchedAt: Created * 1000,
  details: { image: Image },
});
