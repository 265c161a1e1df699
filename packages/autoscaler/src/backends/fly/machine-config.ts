/** A runner's machine as Fly wants it. Pure. */
import { basename } from 'node:path';
import {
  FlameLaunchError,
  type Instance,
  type InstanceEnd,
  type InstanceState,
  type LaunchRequest,
} from '@flamejs/queue';
import { IMAGE, ofRelease } from '../by-release.ts';
import { instanceEnd } from '../instance-end.ts';
import { findOpenSecret } from '../open-secrets.ts';
import type { FlyMachine } from './api.ts';
import type { FlySettings } from './options.ts';

export const META = {
  app: 'flame_app',
  pool: 'flame_pool',
  runnerId: 'flame_runner_id',
  release: 'flame_release',
} as const;

export const machineConfig = (request: LaunchRequest, region: string, settings: FlySettings): unknown => {
  const { FLAME_CONFIG, ...given } = request.env;
  // The controller's path of the config file means nothing on another machine; its name does.
  const config = settings.config ?? (FLAME_CONFIG === undefined ? undefined : basename(FLAME_CONFIG));
  const open =
    settings.secrets === 'app'
      ? findOpenSecret(request.secrets, [...Object.values(given), ...settings.command])
      : undefined;
  if (open !== undefined) {
    throw new FlameLaunchError(
      `fly: the value of ${open}, or a part of it, would stand in the machine's configuration, which others can read; take it out of the pool's env`,
      { kind: 'invalid' },
    );
  }
  return {
    // Unique within the Fly app: this is what makes a launch happen once.
    name: request.runnerId,
    region,
    config: {
      image: ofRelease(settings.image, request.release, IMAGE, 'fly({ image })'),
      guest: settings.guest,
      init: { cmd: [...settings.command] },
      env: {
        ...given,
        ...(config === undefined ? {} : { FLAME_CONFIG: config }),
        ...(settings.secrets === 'env' ? request.secrets : {}),
      },
      // The machine ends with its runner, and nothing brings it back.
      restart: { policy: 'no' },
      auto_destroy: true,
      services: [],
      metadata: {
        [META.app]: request.app,
        [META.pool]: request.pool,
        [META.runnerId]: request.runnerId,
        [META.release]: request.release,
      },
    },
  };
};

const STATES: Readonly<Record<string, InstanceState>> = {
  created: 'pending',
  starting: 'pending',
  started: 'running',
  replacing: 'pending',
  restarting: 'pending',
  stopping: 'stopping',
  // Nothing of ours stops or suspends machines; one that is costs its disk until it is ended.
  stopped: 'stopping',
  suspending: 'stopping',
  suspended: 'stopping',
  failed: 'stopping',
  destroying: 'stopping',
  destroyed: 'gone',
  replaced: 'gone',
};

/** @returns how it ended, as its newest exit tells */
const endOf = ({ events = [] }: FlyMachine): InstanceEnd => {
  const exit = events.find(({ type }) => type === 'exit')?.request?.exit_event;
  return instanceEnd({
    ...(exit?.exit_code === undefined ? {} : { exitCode: exit.exit_code }),
    ...(exit?.oom_killed ? { outOfMemory: true } : {}),
    told: exit?.error || undefined,
  });
};

export const toInstance = (machine: FlyMachine): Instance => ({
  id: machine.id,
  runnerId: machine.config?.metadata?.[META.runnerId] ?? machine.name,
  pool: machine.config?.metadata?.[META.pool] ?? '',
  // A state that this version does not know is not a reason to forget a machine that costs money.
  state: STATES[machine.state] ?? 'pending',
  launchedAt: Date.parse(machine.created_at),
  location: machine.region,
  details: { image: machine.config?.image ?? '' },
  ...(STATES[machine.state] === 'gone' ? { end: endOf(machine) } : {}),
});
