import { FlameConfigError } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { type Ec2Options, ec2 } from '../../src/backends/ec2/index.ts';

const good: Ec2Options = {
  region: 'eu-central-1',
  instanceTypes: ['c7g.large'],
  subnets: ['subnet-0aaaaaaaaaaaaaaa1'],
  ami: 'ami-0a0a0a0a0a0a0a0a1',
  iamInstanceProfile: 'flame-runner',
  application: { image: `registry.example.com:5000/shop/web@sha256:${'a'.repeat(64)}` },
  secrets: { redisUrl: { ssm: '/shop/redis-url' }, signingKey: { secretsManager: 'shop/signing-key-AbCdEf' } },
};

const problemsOf = (options: Record<string, unknown>): readonly string[] => {
  try {
    ec2(options as unknown as Ec2Options);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(FlameConfigError);
    return (error as FlameConfigError).problems.map(({ path }) => path);
  }
};

test('good options make a backend, without loading the SDK or sending anything', async () => {
  const backend = ec2(good);
  expect(backend.name).toBe('ec2');
  expect(backend.defaults).toMatchObject({
    bootTimeoutMs: 300_000,
    idleShutdownAfterMs: 120_000,
    tickMs: 10_000,
    fastTickMs: 2_000,
  });
  await backend.close?.();
});

test('F39 every problem is reported at once, with its path', () => {
  expect(
    problemsOf({
      ...good,
      region: 'Frankfurt',
      instanceTypes: [],
      subnets: [],
      spot: 'sometimes',
      typo: 1,
      deadMan: '90s',
      tags: { 'aws:x': '1' },
    }),
  ).toEqual(['typo', 'region', 'instanceTypes', 'spot', 'deadMan', 'subnets', 'tags.aws:x']);
});

test.each<[string, Record<string, unknown>, string]>([
  ['no place', { subnets: undefined }, 'subnets'],
  ['both kinds of place', { zones: ['eu-central-1a'] }, 'subnets'],
  ['a zone of another region', { subnets: undefined, zones: ['us-east-1a'] }, 'zones'],
  ['no image', { ami: undefined }, 'ami'],
  ['image and template', { launchTemplate: { id: 'lt-1', version: 1 } }, 'ami'],
  [
    'a template without fixed version',
    { ami: undefined, launchTemplate: { id: 'lt-1', version: '$Latest' } },
    'launchTemplate.version',
  ],
  [
    'a template by id and name',
    { ami: undefined, launchTemplate: { id: 'lt-1', name: 'x', version: 1 } },
    'launchTemplate',
  ],
  ['an application of both kinds', { application: { image: 'a', archive: 's3://b/c' } }, 'application'],
  ['a container as root', { application: { image: 'shop', user: '0:0' } }, 'application.user'],
  ['an image with shell in it', { application: { image: 'shop;reboot' } }, 'application.image'],
  ['an archive over http', { application: { archive: 'https://x/y.tar.gz' } }, 'application.archive'],
  ['a short checksum', { application: { archive: 's3://b/c', sha256: 'abc' } }, 'application.sha256'],
  ['a secret by value', { secrets: { redisUrl: { ssm: 'redis://:password@host:6379' } } }, 'secrets.redisUrl'],
  ['no profile', { iamInstanceProfile: '' }, 'iamInstanceProfile'],
  ['a public address without subnets', { subnets: undefined, zones: ['eu-central-1a'], publicIp: true }, 'publicIp'],
  ['a dead-man time below a minute', { deadMan: '30s' }, 'deadMan'],
  ['a reserved tag', { tags: { 'flame:app': 'x' } }, 'tags.flame:app'],
  ['a price of nothing', { spot: 'only', spotMaxPrice: 0 }, 'spotMaxPrice'],
])('%s is refused', (_name, change, path) => {
  expect(problemsOf({ ...good, ...change })).toContain(path);
});
