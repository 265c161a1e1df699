/** How a machine of ours is recognised. Given with the launch itself: tagging afterwards races with EC2's index. */
import { createHash } from 'node:crypto';
import type { LaunchRequest } from '@flamejs/queue';
import type { Ec2Settings } from './options.ts';

export const TAG = {
  app: 'flame:app',
  pool: 'flame:pool',
  runnerId: 'flame:runner-id',
  release: 'flame:release',
  specHash: 'flame:spec-hash',
  maxLifetime: 'flame:max-lifetime-seconds',
} as const;

/**
 * Nothing in here depends on the time or on chance: a replay after a crash must send the same parameters under the same
 * token, or EC2 refuses it. (So the end of life is given as a duration, to be read with the launch time.)
 */
export const tagsOf = (request: LaunchRequest, settings: Ec2Settings): Readonly<Record<string, string>> => ({
  ...settings.tags,
  Name: settings.tags.Name ?? `flame ${request.app}/${request.pool}`,
  [TAG.app]: request.app,
  [TAG.pool]: request.pool,
  [TAG.runnerId]: request.runnerId,
  [TAG.release]: request.release.slice(0, 256),
  [TAG.specHash]: specHash(settings),
  [TAG.maxLifetime]: String(Math.round(settings.maxLifetimeMs / 1000)),
});

/** @returns 12 hex digits that change when the machine that the options describe changes; not with types, zones or tags. */
export const specHash = (settings: Ec2Settings): string => {
  const { boot, application, secrets, iamInstanceProfile, securityGroups, publicIp, rootVolume, keyName } = settings;
  const spec = { boot, application, secrets, iamInstanceProfile, securityGroups, publicIp, rootVolume, keyName };
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 12);
};
