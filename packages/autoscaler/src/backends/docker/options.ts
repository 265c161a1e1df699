/** What a user may say to `docker()`. */
import type { Bytes } from '@flamejs/queue';
import { type ByRelease, IMAGE, ofRelease } from '../by-release.ts';

export interface DockerOptions {
  /**
   * The application's image, with its runner; a function gives the image of a release, so that a pool can roll over to the
   * release that calls wait for. Pulled when it is not there, unless `pull` says otherwise.
   */
  readonly image: ByRelease;
  /** Default `['node_modules/.bin/flame', 'runner']`, relative to the image's working directory. */
  readonly command?: readonly string[];
  /** The config file, relative to that directory. Default: the file name of the one that the controller has loaded. */
  readonly config?: string;
  /** `'missing'` (default) or `'never'`. */
  readonly pull?: 'missing' | 'never';
  /** Numeric `uid:gid`. Default `'1000:1000'`; root is refused. */
  readonly user?: string;
  /** Name of a Docker network. Default `'bridge'`; `host` is refused. */
  readonly network?: string;
  /** Memory of one container, `'512MB'`; swap is not added to it. Default: no limit. */
  readonly memory?: Bytes;
  /** CPUs of one container; `0.5` is half of one. Default: no limit. */
  readonly cpus?: number;
  /** Processes and threads of one container. Default 4096. */
  readonly pids?: number;
  /** Size of the writable `/tmp`, in memory. Default `'256MB'`; the rest of the file system is read-only. */
  readonly tmp?: Bytes;
  /**
   * Absolute paths, on Docker's host, of files that hold the secrets: mounted read-only, and named to the runner as
   * `…_FILE`. Without them the values are part of the container's environment, which everybody sees who may use Docker.
   */
  readonly secretFiles?: {
    readonly redisUrl?: string;
    readonly signingKey?: string;
    /** As `id:key,id:key`. */
    readonly encryptionKeys?: string;
  };
  /** `/etc/hosts` entries, `name:address`; `host.docker.internal:host-gateway` reaches the host. Default none. */
  readonly extraHosts?: readonly string[];
  /** Where the Engine API listens: a socket's path or `tcp://host:port`. Default: DOCKER_HOST, else /var/run/docker.sock. */
  readonly host?: string;
}

/** The same, checked and fully defaulted. */
export interface DockerSettings {
  readonly image: ByRelease;
  readonly command: readonly string[];
  readonly config: string | undefined;
  readonly pull: 'missing' | 'never';
  readonly user: string;
  readonly network: string;
  readonly memory: number | undefined;
  readonly cpus: number | undefined;
  readonly pids: number;
  readonly tmp: number;
  readonly secretFiles: {
    readonly redisUrl: string | undefined;
    readonly signingKey: string | undefined;
    readonly encryptionKeys: string | undefined;
  };
  readonly extraHosts: readonly string[];
  readonly host: string | undefined;
}

export const imageOf = ({ image }: DockerSettings, release: string): string =>
  ofRelease(image, release, IMAGE, 'docker({ image })');
