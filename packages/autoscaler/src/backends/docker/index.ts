/**
 * Runners in containers of one Docker Engine (or podman, through its socket). Needs `dockerode`. See
 * docs/backends/docker.md.
 */
import type { Backend, BackendDefaults, TerminateResult } from '@flamejs/queue';
import type Docker from 'dockerode';
import { bootsWith } from '../by-release.ts';
import { createClient } from './client.ts';
import { LABEL } from './container-spec.ts';
import { dockerError, statusOf } from './errors.ts';
import { launchContainer } from './launch.ts';
import type { DockerOptions } from './options.ts';
import { parseOptions } from './parse-options.ts';
import { fromList } from './to-instance.ts';
import { createTombs } from './tombs.ts';

export type { DockerOptions } from './options.ts';

const DEFAULTS: BackendDefaults = {
  bootTimeoutMs: 30_000,
  idleShutdownAfterMs: 30_000,
  tickMs: 1_000,
  fastTickMs: 250,
  heartbeatTimeoutMs: 60_000,
  failsafeTimeoutMs: 60_000,
  launchesPerTick: 10,
};

/**
 * Between SIGTERM and SIGKILL: a runner that is ended has drained before, or is not worth waiting for. One that has drained is
 * on its way out by itself, and on a busy machine the way takes seconds. Below the bound of one call of the backend (10 s).
 */
const STOP_SECONDS = 8;
const GONE: ReadonlySet<string> = new Set(['exited', 'stopped', 'dead']);

/**
 * @returns a backend for one Docker Engine. Nothing is loaded or sent before its first use.
 * @throws FlameConfigError that lists every problem of the options.
 */
export const docker = (options: DockerOptions): Backend => {
  const settings = parseOptions(options);
  const client = createClient(settings);
  const tombs = createTombs(() => performance.now());
  return {
    name: 'docker',
    defaults: DEFAULTS,
    ...bootsWith(settings.image),
    launch: async (request, signal) => launchContainer(request, await client(), settings, signal),
    list: async (app, signal) => {
      const engine = await client();
      try {
        const filters = { label: [`${LABEL.app}=${app}`] };
        const found = await engine.listContainers({ all: true, filters, abortSignal: signal });
        await tombs.sweep(
          found.filter(({ State }) => GONE.has(State)),
          engine,
        );
        return Promise.all(
          found.map(fromList).map(async (instance) => {
            if (instance.state !== 'gone') return instance;
            const end = await tombs.end(instance.id, engine);
            return end === undefined ? instance : { ...instance, end };
          }),
        );
      } catch (error) {
        throw dockerError('list containers', error);
      }
    },
    terminate: async (ids, signal) => {
      const engine = await client();
      return Promise.all([...new Set(ids)].map((id) => end(id, engine, signal)));
    },
    check: async (signal) => {
      const engine = await client();
      const { image } = settings;
      try {
        await orAborted(engine.ping(), signal);
        // Which releases there will be is not known here.
        if (typeof image === 'string') await orAborted(engine.getImage(image).inspect(), signal);
      } catch (error) {
        // An image that is not there yet is pulled by the first launch.
        if (statusOf(error) === 404 && settings.pull === 'missing') return;
        throw dockerError(`find the image ${image}`, error);
      }
    },
  };
};

/** For the few requests that cannot be aborted themselves. */
const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
};

const end = async (id: string, engine: Docker, signal: AbortSignal): Promise<TerminateResult> => {
  const container = engine.getContainer(id);
  try {
    const { State } = await container.inspect({ abortSignal: signal });
    if (GONE.has(State.Status)) return { id, ok: true };
    // What was never started cannot be stopped.
    if (State.Status === 'created') await container.remove({ force: true, v: true, abortSignal: signal });
    else await container.stop({ t: STOP_SECONDS, abortSignal: signal });
    return { id, ok: true };
  } catch (error) {
    // 404: it is gone. 304: it has stopped in the meantime.
    const status = statusOf(error);
    if (status === 404 || status === 304) return { id, ok: true };
    return { id, ok: false, error: dockerError(`end ${id}`, error).message };
  }
};
