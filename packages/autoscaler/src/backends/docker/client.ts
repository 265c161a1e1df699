/** The Engine API through one kept client, loaded when it is first needed. */
import { FlameConfigError } from '@flamejs/queue';
import type Docker from 'dockerode';
import type { DockerSettings } from './options.ts';

/** @returns a function that gives the one client of this backend. */
export const createClient = ({ host }: DockerSettings): (() => Promise<Docker>) => {
  let client: Promise<Docker> | undefined;
  return () => {
    client ??= load().then((Client) => new Client(address(host)));
    return client;
  };
};

const address = (host: string | undefined): Docker.DockerOptions | undefined => {
  // Without options dockerode reads DOCKER_HOST and its companions.
  if (host === undefined) return undefined;
  if (host.startsWith('/')) return { socketPath: host };
  const url = new URL(host);
  if (url.protocol === 'unix:') return { socketPath: url.pathname };
  return { protocol: url.protocol === 'https:' ? 'https' : 'http', host: url.hostname, port: Number(url.port) };
};

const load = async (): Promise<typeof Docker> => {
  try {
    return (await import('dockerode')).default;
  } catch (cause) {
    throw new FlameConfigError('docker() needs the package dockerode, which could not be loaded', {
      problems: [{ path: '', message: 'npm install dockerode' }],
      advice: 'Run `npm install dockerode`.',
      cause,
    });
  }
};
