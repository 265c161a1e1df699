import type { Instance, InstanceState } from '@flamejs/queue';
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
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
    details: { image: Config.Image, ...(state === 'gone' ? { exitCode: String(State.ExitCode) } : {}) },
  };
};

export const fromList = ({ Id, Created, Labels, State, Image }: ContainerInfo): Instance => ({
  id: Id,
  runnerId: Labels[LABEL.runnerId] ?? '',
  pool: Labels[LABEL.pool] ?? '',
  state: stateOf(State),
  launchedAt: Created * 1000,
  details: { image: Image },
});
