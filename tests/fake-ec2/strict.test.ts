/** The fake refuses what EC2 refuses: seen through the real SDK, and for what the SDK never sends, through plain HTTP. */
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  EC2Client,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterEach, expect, test } from 'vitest';
import { ARM_IMAGE, type FakeEc2, type FakeEc2Options, startFakeEc2, virtualClock, X86_IMAGE } from './index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SUBNET = 'subnet-0aaaaaaaaaaaaaaa1';
const good: RunInstancesCommandInput = {
  MinCount: 1,
  MaxCount: 1,
  ImageId: ARM_IMAGE,
  InstanceType: 'c7g.large',
  SubnetId: SUBNET,
  ClientToken: 't',
};

const setup = async (options: FakeEc2Options = {}): Promise<{ cloud: FakeEc2; client: EC2Client }> => {
  const cloud = await startFakeEc2(options);
  const client = new EC2Client({
    region: cloud.region,
    endpoint: cloud.endpoint,
    credentials: cloud.credentials,
    maxAttempts: 1,
  });
  cleanups.push(
    () => cloud.close(),
    () => client.destroy(),
  );
  return { cloud, client };
};
const run = (client: EC2Client, change: Partial<RunInstancesCommandInput> = {}) =>
  client.send(new RunInstancesCommand({ ...good, ...change }));
const refusal = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: Error) => error.name,
  );

const tag = (Key: string, Value = 'x') => ({ Key, Value });
const tagged = (...Tags: { Key: string; Value: string }[]) => ({
  TagSpecifications: [{ ResourceType: 'instance' as const, Tags }],
});
const raw = (text: string): string => Buffer.from(text).toString('base64');

test.each<[string, Partial<RunInstancesCommandInput>, string]>([
  ['an image that is malformed', { ImageId: 'ami-xyz' }, 'InvalidAMIID.Malformed'],
  ['an image that does not exist', { ImageId: 'ami-0fffffffffffffff1' }, 'InvalidAMIID.NotFound'],
  ['no image', { ImageId: undefined }, 'MissingParameter'],
  ['an image of another architecture', { ImageId: X86_IMAGE }, 'InvalidParameterValue'],
  ['a type that does not exist', { InstanceType: 'c9z.large' as 'c7g.large' }, 'InvalidParameterValue'],
  ['a type that the zone lacks', { InstanceType: 'm7g.large', SubnetId: 'subnet-0ccccccccccccccc1' }, 'Unsupported'],
  ['a subnet that does not exist', { SubnetId: 'subnet-0fffffffffffffff1' }, 'InvalidSubnetID.NotFound'],
  [
    'a zone that does not exist',
    { SubnetId: undefined, Placement: { AvailabilityZone: 'eu-central-1z' } },
    'InvalidParameterValue',
  ],
  ['a zone beside a subnet of another', { Placement: { AvailabilityZone: 'eu-central-1b' } }, 'InvalidParameterValue'],
  ['a security group that does not exist', { SecurityGroupIds: ['sg-0aaaaaaaaaaaaaaaa'] }, 'InvalidGroup.NotFound'],
  ['a security group that is malformed', { SecurityGroupIds: ['web'] }, 'InvalidGroupId.Malformed'],
  ['a security group of another network', { SecurityGroupIds: ['sg-0fedcba9876543210'] }, 'InvalidParameter'],
  ['subnet and interface together', { NetworkInterfaces: [{ DeviceIndex: 0 }] }, 'InvalidParameterCombination'],
  [
    'an interface without index',
    { SubnetId: undefined, NetworkInterfaces: [{ SubnetId: SUBNET }] },
    'MissingParameter',
  ],
  ['a profile that does not exist', { IamInstanceProfile: { Name: 'admin' } }, 'InvalidParameterValue'],
  [
    'a profile by name and ARN',
    { IamInstanceProfile: { Name: 'flame-runner', Arn: 'arn:aws:iam::1:instance-profile/flame-runner' } },
    'InvalidParameterCombination',
  ],
  ['a key pair that does not exist', { KeyName: 'mine' }, 'InvalidKeyPair.NotFound'],
  ['no machines', { MinCount: 0 }, 'InvalidParameterValue'],
  ['fewer at most than at least', { MinCount: 3, MaxCount: 2 }, 'InvalidParameterValue'],
  ['user-data that is no base64', { UserData: '#!/bin/bash\necho' }, 'InvalidUserData.Malformed'],
  ['user-data above 16 KB', { UserData: raw('x'.repeat(16_385)) }, 'InvalidParameterValue'],
  ['a token above 64 characters', { ClientToken: 'x'.repeat(65) }, 'InvalidParameterValue'],
  ['a token that is not ASCII', { ClientToken: 'tökén' }, 'InvalidParameterValue'],
  ['a reserved tag', tagged(tag('aws:mine')), 'InvalidParameterValue'],
  ['a tag twice', tagged(tag('a'), tag('a')), 'InvalidParameterValue'],
  ['a long tag key', tagged(tag('k'.repeat(129))), 'InvalidParameterValue'],
  ['a long tag value', tagged(tag('k', 'v'.repeat(257))), 'InvalidParameterValue'],
  ['51 tags', tagged(...Array.from({ length: 51 }, (_, i) => tag(`k${i}`))), 'TagLimitExceeded'],
  [
    'tags for what is not launched',
    { TagSpecifications: [{ ResourceType: 'vpc', Tags: [tag('a')] }] },
    'InvalidParameterValue',
  ],
  [
    'spot tags without spot',
    { TagSpecifications: [{ ResourceType: 'spot-instances-request', Tags: [tag('a')] }] },
    'InvalidParameterCombination',
  ],
  ['a hop limit of 0', { MetadataOptions: { HttpPutResponseHopLimit: 0 } }, 'InvalidParameterValue'],
  [
    'a one-time spot request that stops',
    { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { InstanceInterruptionBehavior: 'stop' } } },
    'InvalidParameterCombination',
  ],
  [
    'a spot price below the market',
    { InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { MaxPrice: '0.001' } } },
    'SpotMaxPriceTooLow',
  ],
  [
    'a template by id and name',
    { LaunchTemplate: { LaunchTemplateId: 'lt-0123456789abcdef0', LaunchTemplateName: 'flame' } },
    'InvalidParameterCombination',
  ],
  [
    'a template that does not exist',
    { LaunchTemplate: { LaunchTemplateName: 'other' } },
    'InvalidLaunchTemplateName.NotFoundException',
  ],
  [
    'a template version that does not exist',
    { LaunchTemplate: { LaunchTemplateName: 'flame', Version: '9' } },
    'InvalidLaunchTemplateId.VersionNotFound',
  ],
  [
    'a root disk smaller than its snapshot',
    { BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 4 } }] },
    'InvalidBlockDeviceMapping',
  ],
])('RunInstances refuses %s', async (_what, change, code) => {
  const { cloud, client } = await setup();
  expect(await refusal(run(client, change))).toBe(code);
  expect(cloud.machines.size).toBe(0);
});

test('what EC2 does not know by name or by type never reaches an action', async () => {
  const { cloud } = await setup();
  const post = async (form: Record<string, string>, headers: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(cloud.endpoint, {
      method: 'POST',
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=AKIAFAKEFAKEFAKEFAKE/20260101/eu-central-1/ec2/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
        ...headers,
      },
      body: new URLSearchParams(form),
    });
    return /<Code>([^<]*)/.exec(await response.text())?.[1] ?? `HTTP ${response.status}`;
  };
  const base = {
    Action: 'RunInstances',
    Version: '2016-11-15',
    ImageId: ARM_IMAGE,
    InstanceType: 'c7g.large',
    MinCount: '1',
    MaxCount: '1',
  };
  expect(await post({ ...base, Colour: 'red' })).toBe('UnknownParameter');
  expect(await post({ ...base, 'Placement.Colour': 'red' })).toBe('UnknownParameter');
  expect(await post({ ...base, 'ImageId.1': 'x' })).toBe('UnknownParameter');
  expect(await post({ ...base, MaxCount: 'many' })).toBe('InvalidParameterValue');
  expect(await post({ ...base, DryRun: 'yes' })).toBe('InvalidParameterValue');
  expect(await post({ ...base, 'MetadataOptions.HttpTokens': 'maybe' })).toBe('InvalidParameterValue');
  expect(await post({ ...base, 'SecurityGroupId.2': 'sg-1' })).toBe('MalformedQueryString');
  expect(await post({ Action: 'RunInstances', Version: '2016-11-15', ImageId: ARM_IMAGE })).toBe('MissingParameter');
  expect(await post({ ...base, Action: 'LaunchRockets' })).toBe('InvalidAction');
  expect(await post({ ...base, Version: '2010-01-01' })).toBe('InvalidAction');
  expect(await post({ Version: '2016-11-15' })).toBe('MissingAction');
  expect(await post(base, { authorization: 'Basic x' })).toBe('MissingAuthenticationToken');
  expect(cloud.machines.size).toBe(0);
});

test('(b) a token makes one machine, and other parameters under it are a mismatch', async () => {
  const { cloud, client } = await setup();
  const first = await run(client);
  const second = await run(client);
  expect(second.Instances?.[0]?.InstanceId).toBe(first.Instances?.[0]?.InstanceId);
  expect(await refusal(run(client, { InstanceType: 'c6g.large' }))).toBe('IdempotentParameterMismatch');
  expect(cloud.machines.size).toBe(1);
});

test('(a) id, tag and state lag apart', async () => {
  const clock = virtualClock();
  const { cloud, client } = await setup({ clock, lag: { idMs: 1_000, tagMs: 3_000, stateMs: 500 } });
  const id = (await run(client, tagged(tag('a', 'b')))).Instances?.[0]?.InstanceId ?? '';
  const byId = () => refusal(client.send(new DescribeInstancesCommand({ InstanceIds: [id] })));
  const byTag = async () =>
    (await client.send(new DescribeInstancesCommand({ Filters: [{ Name: 'tag:a', Values: ['b'] }] }))).Reservations
      ?.length;
  expect([await byId(), await byTag()]).toEqual(['InvalidInstanceID.NotFound', 0]);
  expect(await refusal(client.send(new CreateTagsCommand({ Resources: [id], Tags: [tag('late')] })))).toBe(
    'InvalidInstanceID.NotFound',
  );
  clock.advance(1_000);
  expect([await byId(), await byTag()]).toEqual(['accepted', 0]);
  clock.advance(2_000);
  expect([await byId(), await byTag()]).toEqual(['accepted', 1]);
  const state = async () =>
    (await client.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0]?.State
      ?.Name;
  cloud.machines.get(id)?.terminate('Client.UserInitiatedShutdown');
  clock.advance(0);
  expect(await state()).toBe('running');
  clock.advance(500);
  expect(await state()).toBe('terminated');
  clock.advance(3_600_001);
  expect(await byId()).toBe('InvalidInstanceID.NotFound');
});

test('(c, e) capacity ends: fewer than asked for, then an error in the server group', async () => {
  const { cloud, client } = await setup({ capacity: { 'c7g.large/eu-central-1a/on-demand': 2 } });
  const some = await run(client, { MaxCount: 5, ClientToken: 'a' });
  expect(some.Instances).toHaveLength(2);
  const error = await run(client, { ClientToken: 'b' }).catch(
    (it: { name: string; $metadata: { httpStatusCode: number } }) => it,
  );
  expect(error).toMatchObject({ name: 'InsufficientInstanceCapacity', $metadata: { httpStatusCode: 500 } });
  expect(await refusal(run(client, { MinCount: 3, MaxCount: 3, ClientToken: 'c' }))).toBe(
    'InsufficientInstanceCapacity',
  );
  expect(cloud.machines.size).toBe(2);
});

test('(c) vCPU quotas count by family group and market, and come back when machines end', async () => {
  const { cloud, client } = await setup({ vcpuQuota: { 'standard/on-demand': 2, 'standard/spot': 2 } });
  const spot = { InstanceMarketOptions: { MarketType: 'spot' as const } };
  const id = (await run(client, { ClientToken: 'a' })).Instances?.[0]?.InstanceId ?? '';
  expect(await refusal(run(client, { ClientToken: 'b', InstanceType: 'c6g.large' }))).toBe('VcpuLimitExceeded');
  await run(client, { ClientToken: 'c', ...spot });
  expect(await refusal(run(client, { ClientToken: 'd', ...spot }))).toBe('MaxSpotInstanceCountExceeded');
  cloud.machines.get(id)?.terminate('x');
  await expect.poll(() => cloud.machines.get(id)?.state()).toBe('terminated');
  await run(client, { ClientToken: 'e' });
});

test('(d) token buckets refill with time', async () => {
  const clock = virtualClock();
  const { client } = await setup({ clock, buckets: 'aws' });
  const answers = [];
  for (let i = 0; i < 7; i++) answers.push(await refusal(run(client, { ClientToken: `t${i}` })));
  expect(answers).toEqual([...Array(5).fill('accepted'), 'RequestLimitExceeded', 'RequestLimitExceeded']);
  clock.advance(1_000);
  expect(await refusal(run(client, { ClientToken: 'u' }))).toBe('accepted');
  expect(await refusal(run(client, { ClientToken: 'v' }))).toBe('accepted');
  expect(await refusal(run(client, { ClientToken: 'w' }))).toBe('RequestLimitExceeded');
});

test('(g) boots take time, die, or stay mute; a machine that halts is stopped unless it asked to be terminated', async () => {
  const clock = virtualClock();
  const started: string[] = [];
  const { cloud, client } = await setup({
    clock,
    boot: {
      delayMs: 1_000,
      outcome: (it) => (it.clientToken === 'dies' ? 'dies' : it.clientToken === 'mute' ? 'mute' : 'ok'),
    },
    onLaunch: (machine) => {
      started.push(machine.clientToken ?? '');
      return { stop: () => undefined };
    },
  });
  for (const ClientToken of ['dies', 'mute', 'stops']) await run(client, { ClientToken });
  await run(client, { ClientToken: 'ends', InstanceInitiatedShutdownBehavior: 'terminate' });
  const of = (token: string) => [...cloud.machines.values()].find(({ clientToken }) => clientToken === token);
  expect(of('ends')?.state()).toBe('pending');
  clock.advance(1_000);
  expect(['dies', 'mute', 'stops', 'ends'].map((it) => of(it)?.state())).toEqual([
    'terminated',
    'running',
    'running',
    'running',
  ]);
  expect(started).toEqual(['stops', 'ends']);
  of('stops')?.shutdown();
  of('ends')?.shutdown();
  clock.advance(0);
  expect(['stops', 'ends'].map((it) => of(it)?.state())).toEqual(['stopped', 'terminated']);
});

test('(h) a spot machine gets its notice and ends when the time is up; others cannot be interrupted', async () => {
  const clock = virtualClock();
  const { cloud, client } = await setup({ clock });
  const id = (await run(client, { InstanceMarketOptions: { MarketType: 'spot' } })).Instances?.[0]?.InstanceId ?? '';
  clock.advance(0);
  cloud.interruptSpot(id);
  expect(cloud.machines.get(id)?.notices.spotAction).toEqual({ action: 'terminate', time: '2026-01-01T00:02:00Z' });
  clock.advance(119_999);
  expect(cloud.machines.get(id)?.state()).toBe('running');
  clock.advance(1);
  expect(cloud.machines.get(id)?.state()).toBe('terminated');
  expect(() => cloud.interruptSpot('i-1')).toThrow();
});

test('(i) terminations are slow, or said to be done and are not', async () => {
  const clock = virtualClock();
  const { cloud, client } = await setup({
    clock,
    terminate: { delayMs: 30_000, ignore: ({ clientToken }) => clientToken === 'deaf' },
  });
  const ids: string[] = [];
  for (const ClientToken of ['slow', 'deaf'])
    ids.push((await run(client, { ClientToken })).Instances?.[0]?.InstanceId ?? '');
  clock.advance(0);
  await client.send(new TerminateInstancesCommand({ InstanceIds: ids }));
  expect(ids.map((id) => cloud.machines.get(id)?.state())).toEqual(['shutting-down', 'running']);
  clock.advance(30_000);
  expect(ids.map((id) => cloud.machines.get(id)?.state())).toEqual(['terminated', 'running']);
});

test('DescribeInstances refuses what it does not know', async () => {
  const { client } = await setup();
  const describe = (input: DescribeInstancesCommandInput) => refusal(client.send(new DescribeInstancesCommand(input)));
  expect(await describe({ InstanceIds: ['i-xyz'] })).toBe('InvalidInstanceID.Malformed');
  expect(await describe({ InstanceIds: ['i-0123456789abcdef0'] })).toBe('InvalidInstanceID.NotFound');
  expect(await describe({ MaxResults: 4 })).toBe('InvalidParameterValue');
  expect(await describe({ MaxResults: 5, InstanceIds: ['i-0123456789abcdef0'] })).toBe('InvalidParameterCombination');
  expect(await describe({ Filters: [{ Name: 'colour', Values: ['red'] }] })).toBe('InvalidParameterValue');
  expect(
    await describe({ Filters: [{ Name: 'instance-id', Values: Array.from({ length: 201 }, (_, i) => `i-${i}`) }] }),
  ).toBe('FilterLimitExceeded');
  expect(await describe({ NextToken: 'page-1' })).toBe('InvalidParameterValue');
});

test('(k) the audit knows what happened, whatever the client saw, and what it cost', async () => {
  const clock = virtualClock();
  const { cloud, client } = await setup({ clock });
  cloud.faults.next('RunInstances', { kind: 'lost-reply' });
  await refusal(run(client, tagged(tag('flame:runner-id', 'r'))));
  await run(client, { ...tagged(tag('flame:runner-id', 'r')), ClientToken: 'other' });
  clock.advance(30_000);
  for (const machine of cloud.machines.values()) machine.terminate('x');
  clock.advance(0);
  expect(cloud.audit.entries.map(({ outcome, seen }) => `${outcome} ${seen}`)).toEqual(['ok lost', 'ok answered']);
  expect(cloud.audit.duplicates('flame:runner-id')).toEqual(['r']);
  expect(cloud.audit.peak()).toBe(2);
  expect(cloud.audit.billedSeconds()).toBe(120);
  expect(cloud.audit.cost()).toBeCloseTo((2 * 60 * 0.0826) / 3600, 8);
});
