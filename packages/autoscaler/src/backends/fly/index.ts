/** Runners on Fly Machines, from the parent's own image. Needs no package. See docs/backends/fly.md. */
import {
  type Backend,
  type BackendDefaults,
  FlameLaunchError,
  type Instance,
  type LaunchRequest,
} from '@flamejs/queue';
import { bootsWith } from '../by-release.ts';
import { createApi, type FlyApi } from './api.ts';
import { createEnded } from './ended.ts';
import { META, machineConfig, toInstance } from './machine-config.ts';
import { type FlyOptions, type FlySettings, parseOptions } from './options.ts';

export type { FlyOptions } from './options.ts';

const DEFAULTS: BackendDefaults = {
  bootTimeoutMs: 5 * 60_000,
  idleShutdownAfterMs: 2 * 60_000,
  tickMs: 10_000,
  fastTickMs: 2_000,
  heartbeatTimeoutMs: 10 * 60_000,
  failsafeTimeoutMs: 10 * 60_000,
  launchesPerTick: 10,
};

/**
 * @returns a backend for the machines of one Fly app. Nothing is sent before its first use.
 * @throws FlameConfigError that lists every problem of the options.
 */
export const fly = (options: FlyOptions = {}): Backend => {
  const settings = parseOptions(options, process.env);
  const api = createApi(settings);
  /** Launches whose last request may have made a machine that Fly does not list yet. */
  const doubted = new Set<string>();
  const ended = createEnded(() => performance.now());
  return {
    name: 'fly',
    defaults: DEFAULTS,
    ...bootsWith(settings.image),
    launch: async (request, signal) => {
      try {
        const instance = await launch(request, api, settings, signal);
        doubted.delete(request.runnerId);
        return instance;
      } catch (error) {
        if (!(error instanceof FlameLaunchError)) throw error;
        const answersNothing = error.kind === 'throttled' && doubted.has(request.runnerId);
        if (error.kind === 'unknown' || answersNothing) doubted.add(request.runnerId);
        else doubted.delete(request.runnerId);
        throw answersNothing ? inDoubt(error) : error;
      }
    },
    list: async (app, signal) => {
      const machines = await api.list({ [`metadata.${META.app}`]: app }, signal);
      // Fly filters; that a machine is ours is too important to leave to one filter.
      const listed = machines
        .filter(({ config }) => config?.metadata?.[META.app] === app)
        .map(toInstance)
        .filter(({ state }) => state !== 'gone');
      const gone = await ended.note(app, listed, async (id) => toInstance(await api.get(id, signal)));
      return [...listed, ...gone];
    },
    terminate: (ids, signal) =>
      Promise.all(
        [...new Set(ids)].map(async (id) => {
          try {
            await api.destroy(id, signal);
            return { id, ok: true };
          } catch (error) {
            return { id, ok: false, error: error instanceof Error ? error.message : String(error) };
          }
        }),
      ),
    check: async (signal) => {
      await api.list({ [`metadata.${META.app}`]: 'flame-check' }, signal);
    },
  };
};

const launch = async (
  request: LaunchRequest,
  api: FlyApi,
  settings: FlySettings,
  signal: AbortSignal,
): Promise<Instance> => {
  // A machine that has ended gives its name back: ask first whether there was one, or a late replay would bring it back.
  const earlier = await find(request, api, signal);
  if (earlier !== undefined) return earlier;
  let refused: unknown;
  for (const region of settings.regions) {
    try {
      return toInstance(await api.create(machineConfig(request, region, settings), signal));
    } catch (error) {
      if (!(error instanceof FlameLaunchError)) throw error;
      if (error.providerCode === 'HTTP 409') {
        // The name is taken: by an earlier try of the same launch, or by one that runs at the same time.
        const found = await find(request, api, signal);
        if (found !== undefined) return found;
      }
      // The name is unique in all regions, so that a next one cannot make a second machine; but only a definite no moves on.
      if (error.kind !== 'capacity') throw error;
      refused = error;
    }
  }
  throw refused;
};

const find = async (
  { app, runnerId }: LaunchRequest,
  api: FlyApi,
  signal: AbortSignal,
): Promise<Instance | undefined> => {
  try {
    const machines = await api.list({ [`metadata.${META.runnerId}`]: runnerId, include_deleted: 'true' }, signal);
    const machine = machines.find(
      ({ config }) => config?.metadata?.[META.app] === app && config.metadata[META.runnerId] === runnerId,
    );
    return machine === undefined ? undefined : toInstance(machine);
  } catch (error) {
    if (!(error instanceof FlameLaunchError) || error.kind !== 'throttled') throw error;
    throw inDoubt(error);
  }
};

/** Being throttled says nothing about an earlier try of the same launch. */
const inDoubt = ({ message, providerCode, cause }: FlameLaunchError): FlameLaunchError =>
  new FlameLaunchError(message, { kind: 'unknown', providerCode, cause });
