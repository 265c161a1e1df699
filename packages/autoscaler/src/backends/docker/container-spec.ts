/** A runner's container as the Engine API wants it. Pure. */
import { basename } from 'node:path';
import { FlameLaunchError, type LaunchRequest } from '@flamejs/queue';
import type { ContainerCreateOptions } from 'dockerode';
import { findOpenSecret } from '../open-secrets.ts';
import { type DockerSettings, imageOf } from './options.ts';

export const LABEL = {
  app: 'flame.app',
  pool: 'flame.pool',
  runnerId: 'flame.runner-id',
  release: 'flame.release',
} as const;

const SECRETS = {
  FLAME_REDIS_URL: 'redisUrl',
  FLAME_SIGNING_KEY: 'signingKey',
  FLAME_ENCRYPTION_KEYS: 'encryptionKeys',
} as const;

/** The container has no rights that a runner does not need: no capabilities, no new privileges, nothing writable but /tmp. */
export const containerSpec = (
  request: LaunchRequest,
  settings: DockerSettings,
): ContainerCreateOptions & { name: string } => {
  const { env, binds } = environment(request, settings);
  return {
    // The name is what makes a launch happen once: Docker gives it to one container only.
    name: request.runnerId,
    Image: imageOf(settings, request.release),
    Cmd: [...settings.command],
    User: settings.user,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [LABEL.app]: request.app,
      [LABEL.pool]: request.pool,
      [LABEL.runnerId]: request.runnerId,
      [LABEL.release]: request.release,
    },
    StopSignal: 'SIGTERM',
    HostConfig: {
      NetworkMode: settings.network,
      Init: true,
      // It ends when its runner ends, and stays until its exit code was read.
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': `rw,nosuid,nodev,mode=1777,size=${settings.tmp}` },
      PidsLimit: settings.pids,
      ...(settings.memory === undefined ? {} : { Memory: settings.memory, MemorySwap: settings.memory }),
      ...(settings.cpus === undefined ? {} : { NanoCpus: Math.round(settings.cpus * 1e9) }),
      ...(binds.length === 0 ? {} : { Binds: [...binds] }),
      ...(settings.extraHosts.length === 0 ? {} : { ExtraHosts: [...settings.extraHosts] }),
    },
  };
};

const environment = (
  request: LaunchRequest,
  settings: DockerSettings,
): { readonly env: Readonly<Record<string, string>>; readonly binds: readonly string[] } => {
  const { FLAME_CONFIG, ...given } = request.env;
  // The controller's path of the config file means nothing in the container; its name does.
  const config = settings.config ?? (FLAME_CONFIG === undefined ? undefined : basename(FLAME_CONFIG));
  const env: Record<string, string> = { ...given, ...(config === undefined ? {} : { FLAME_CONFIG: config }) };
  const binds: string[] = [];
  for (const [name, value] of Object.entries(request.secrets)) {
    const file = name in SECRETS ? settings.secretFiles[SECRETS[name as keyof typeof SECRETS]] : undefined;
    if (file === undefined) {
      env[name] = value;
      continue;
    }
    const inside = `/run/secrets/${name.toLowerCase().replaceAll('_', '-')}`;
    if (findOpenSecret({ [name]: value }, [...Object.values(given), ...settings.command]) !== undefined) {
      throw new FlameLaunchError(
        `docker: the value of ${name}, or a part of it, would stand in the container's environment, although \`secretFiles\` names a file for it; take it out of the pool's env`,
        { kind: 'invalid' },
      );
    }
    binds.push(`${file}:${inside}:ro`);
    env[`${name}_FILE`] = inside;
  }
  return { env, binds };
};
