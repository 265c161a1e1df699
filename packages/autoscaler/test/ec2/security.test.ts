import { expect, test } from 'vitest';
import type { Machine } from '../../../../tests/fake-ec2/index.ts';
import { failure, never, request, setup } from './support.ts';

const CANARY_URL = 'rediss://flame:canary-redis-1f9c@redis.internal:6380/0';
const CANARY_KEY = 'canary-signing-7b21';
const CANARY_KEYS = 'k1:canary-encryption-55d0';
const secrets = { FLAME_REDIS_URL: CANARY_URL, FLAME_SIGNING_KEY: CANARY_KEY, FLAME_ENCRYPTION_KEYS: CANARY_KEYS };
const references = {
  secrets: {
    redisUrl: { ssm: '/shop/redis-url' },
    signingKey: { secretsManager: 'shop/signing-key' },
    encryptionKeys: { ssm: '/shop/encryption-keys' },
  },
};

const only = (machines: ReadonlyMap<string, Machine>): Machine => {
  const [machine] = machines.values();
  if (machine === undefined) throw new Error('no machine was launched');
  return machine;
};

test('S-13 the metadata service answers only with a token and only the host itself', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  expect(only(cloud.machines).params.MetadataOptions).toEqual({
    HttpEndpoint: 'enabled',
    HttpTokens: 'required',
    HttpPutResponseHopLimit: 1,
    HttpProtocolIpv6: 'disabled',
    InstanceMetadataTags: 'disabled',
  });
});

test.each([
  ['image', { application: { image: 'shop:1' } }],
  ['archive', { application: { archive: 's3://bucket/app.tar.gz' } }],
])(
  'S-13 user code of an %s application is cut off from the metadata service, and the host relays notices',
  async (_kind, more) => {
    const { cloud, backend } = await setup({}, { ...more, spot: 'only' });
    await backend.launch(request(), never);
    const script = only(cloud.machines).userData;
    expect(script).toMatch(
      /iptables -I (DOCKER-USER|OUTPUT -m owner --uid-owner flame) -d 169\.254\.169\.254 -j REJECT/,
    );
    expect(script).not.toContain('--network host');
    expect(script).toContain('spot_relay &');
  },
);

test('S-14 no secret is in anything that travels: user-data, tags, parameters; only its name is', async () => {
  const { cloud, backend } = await setup({}, references);
  await backend.launch(request({ secrets }), never);
  const machine = only(cloud.machines);
  const everything = `${JSON.stringify(cloud.audit.entries)}\n${machine.userData}\n${[...machine.tags].join()}`;
  for (const canary of ['canary-redis-1f9c', CANARY_KEY, CANARY_URL, 'canary-encryption'])
    expect(everything).not.toContain(canary);
  expect(machine.userData).toContain("--name '/shop/redis-url'");
  expect(machine.userData).toContain("--secret-id 'shop/signing-key'");
  expect(machine.userData).toMatch(/encryption-keys FLAME_ENCRYPTION_KEYS_FILE .* --name '\/shop\/encryption-keys'/);
});

test('S-14 a pool whose env repeats a secret is refused instead of launched', async () => {
  const { cloud, backend } = await setup({}, references);
  const error = await failure(backend.launch(request({ secrets, env: { REDIS: CANARY_URL } }), never));
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('FLAME_REDIS_URL') });
  expect(String(error)).not.toContain('canary');
  expect(cloud.audit.entries).toEqual([]);
});

test('S-14 a signing key without a name for the machine is refused, instead of a runner that cannot verify', async () => {
  const { cloud, backend } = await setup();
  const error = await failure(backend.launch(request({ secrets }), never));
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('secrets.signingKey') });
  expect(cloud.machines.size).toBe(0);
});

test('S-15 the container has no capabilities, no new privileges, a read-only root, a pids limit and no root user', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  const script = only(cloud.machines).userData;
  for (const part of [
    '--cap-drop ALL',
    '--security-opt no-new-privileges',
    '--read-only',
    '--pids-limit 4096',
    "run_as='1000:1000'",
  ]) {
    expect(script).toContain(part);
  }
  expect(script).not.toMatch(/--privileged|docker\.sock/);
});

test('the config file is named as the machine finds it, not by its path on the controller', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request({ env: { FLAME_CONFIG: '/srv/controller/flame.config.js' } }), never);
  expect(only(cloud.machines).userData).toContain("'FLAME_CONFIG=flame.config.js'");
  const elsewhere = await setup({}, { application: { image: 'shop:1', config: 'dist/flame.config.js' } });
  await elsewhere.backend.launch(request({ env: { FLAME_CONFIG: '/srv/controller/flame.config.js' } }), never);
  expect(only(elsewhere.cloud.machines).userData).toContain("'FLAME_CONFIG=dist/flame.config.js'");
});

test('an app without a Redis URL (Cluster, Sentinel) needs no secret, and one with a URL needs its name', async () => {
  const { cloud, backend } = await setup({}, { secrets: {} });
  const error = await failure(backend.launch(request(), never));
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('secrets.redisUrl') });
  await backend.launch(request({ secrets: {} }), never);
  expect(only(cloud.machines).userData).not.toContain('fetch_secret redis-url');
});

test('machine, disk, network interface and spot request carry our tags from the first moment', async () => {
  const { cloud, backend } = await setup({}, { spot: 'only', tags: { team: 'web' } });
  await backend.launch(request(), never);
  const machine = only(cloud.machines);
  const ours = {
    'flame:app': 'shop',
    'flame:pool': 'images',
    'flame:runner-id': 'images-abcdef-0000000000aa',
    'flame:release': 'r1',
    team: 'web',
  };
  for (const tags of [machine.tags, machine.volumeTags, machine.interfaceTags])
    expect(Object.fromEntries(tags)).toMatchObject(ours);
  const types = (machine.params.TagSpecification as { ResourceType: string }[]).map(({ ResourceType }) => ResourceType);
  expect(types).toEqual(['instance', 'volume', 'network-interface', 'spot-instances-request']);
  // Tagging afterwards would leave a moment without: CreateTags is never needed.
  expect(Object.keys(cloud.audit.counts())).toEqual(['RunInstances']);
});

test('a machine that shuts itself down is terminated, not stopped', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  expect(only(cloud.machines).params.InstanceInitiatedShutdownBehavior).toBe('terminate');
});

test('the same request gives the same bytes, on any controller and at any time', async () => {
  const { cloud, backend } = await setup();
  const env = { B: '2', A: '1' };
  await backend.launch(request({ env }), never);
  await backend.launch(request({ env: { A: '1', B: '2' } }), never);
  expect(cloud.machines.size).toBe(1);
  const [first, second] = cloud.audit.entries;
  expect(second?.params).toEqual(first?.params);
});

test('an environment that does not fit into user-data is refused with its size', async () => {
  const { cloud, backend } = await setup();
  const error = await failure(backend.launch(request({ env: { BIG: 'x'.repeat(16_000) } }), never));
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringMatching(/\d{5} bytes, EC2 allows 16384/) });
  expect(cloud.audit.entries).toEqual([]);
});
