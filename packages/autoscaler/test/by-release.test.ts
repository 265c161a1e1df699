/** Backends whose image or archive is a function of the release. */
import type { LaunchRequest } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { IMAGE, ofRelease } from '../src/backends/by-release.ts';
import { containerSpec } from '../src/backends/docker/container-spec.ts';
import { docker } from '../src/backends/docker/index.ts';
import { parseOptions as parseDocker } from '../src/backends/docker/parse-options.ts';
import { ec2 } from '../src/backends/ec2/index.ts';
import { parseOptions as parseEc2 } from '../src/backends/ec2/parse-options.ts';
import { renderUserData, userDataSpec } from '../src/backends/ec2/user-data.ts';
import { fly } from '../src/backends/fly/index.ts';
import { machineConfig } from '../src/backends/fly/machine-config.ts';
import { parseOptions as parseFly } from '../src/backends/fly/options.ts';

const request = (release: string): LaunchRequest => ({
  app: 'shop',
  pool: 'images',
  runnerId: 'images-abc-1',
  attempt: 1,
  release,
  maxConcurrency: 1,
  env: { FLAME_RELEASE: release },
  secrets: {},
});
const EXAMPLE = {
  region: 'eu-central-1',
  instanceTypes: ['c7g.large'],
  zones: ['eu-central-1a'],
  ami: 'ami-0a0a0a0a0a0a0a0a1',
  securityGroups: ['sg-0123456789abcdef0'],
  iamInstanceProfile: 'flame-runner',
  application: { image: 'shop:42' },
  secrets: { redisUrl: { ssm: '/shop/redis-url' } },
};
const image = (release: string): string => `registry.example.com/shop:${release}`;
const machine = { app: 'shop', regions: ['fra'], token: 't' };

test('R-35 each launch gets the image of its release', () => {
  const settings = parseDocker({ image });
  for (const release of ['r1', 'r2']) {
    expect(containerSpec(request(release), settings)).toMatchObject({
      Image: image(release),
      Labels: { 'flame.release': release },
      Env: expect.arrayContaining([`FLAME_RELEASE=${release}`]),
    });
    const script = renderUserData(
      userDataSpec(request(release), parseEc2({ ...EXAMPLE, application: { image } }), 'spot'),
    );
    expect(script).toContain(`image='${image(release)}'`);
    expect(machineConfig(request(release), 'fra', parseFly({ ...machine, image }, {}))).toMatchObject({
      config: { image: image(release) },
    });
  }
  const archive = (release: string): string => `s3://shop/${release}.tar.gz`;
  const settingsOfArchive = parseEc2({ ...EXAMPLE, application: { archive } });
  expect(renderUserData(userDataSpec(request('r7'), settingsOfArchive, 'spot'))).toContain(
    "archive='s3://shop/r7.tar.gz'",
  );
});

test('R-35 only such a backend offers to bring up runners of another release', () => {
  expect(docker({ image }).boots?.('r2', '/')).toBe(true);
  expect(docker({ image: 'shop:1' }).boots).toBeUndefined();
  expect(ec2({ ...EXAMPLE, application: { image } }).boots?.('r2', '/')).toBe(true);
  expect(ec2(EXAMPLE).boots).toBeUndefined();
  expect(fly({ ...machine, image }).boots?.('r2', '/')).toBe(true);
  expect(fly({ ...machine, image: 'shop:1' }).boots).toBeUndefined();
});

test('a function that gives no address, or throws, ends the launch for certain: nothing was launched', () => {
  const refused = expect.objectContaining({ kind: 'invalid', message: expect.stringContaining('release r2') });
  expect(() => ofRelease(() => 'not an image', 'r2', IMAGE, 'image')).toThrow(refused);
  expect(() => ofRelease(() => undefined as never, 'r2', IMAGE, 'image')).toThrow(refused);
  expect(() =>
    ofRelease(
      () => {
        throw new Error('unknown release');
      },
      'r2',
      IMAGE,
      'image',
    ),
  ).toThrow(refused);
  expect(() => parseEc2({ ...EXAMPLE, application: { archive: () => 's3://a/b', sha256: 'a'.repeat(64) } })).toThrow(
    /application.sha256: is of one archive/,
  );
});
