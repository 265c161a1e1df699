import type { Instance, LaunchRequest } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { defaultCatalog, type FakeEc2Options, startFakeEc2 } from '../../../../tests/fake-ec2/index.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createApi } from '../../src/backends/ec2/client.ts';
import { createLauncher } from '../../src/backends/ec2/launch.ts';
import type { Ec2Options } from '../../src/backends/ec2/options.ts';
import { parseOptions } from '../../src/backends/ec2/parse-options.ts';
import { createRecent } from '../../src/backends/ec2/recent.ts';
import { createUnavailable } from '../../src/backends/ec2/unavailable.ts';
import { atEnd, backendOn, failure, never, options, request, SUBNETS } from './support.ts';

const MINUTE = 60_000;

/** A launcher whose clock the test moves; `launch` gives every runner an id of its own unless told otherwise. */
const setup = async (fake: FakeEc2Options, more: Partial<Ec2Options>) => {
  const cloud = await startFakeEc2(fake);
  const settings = parseOptions(options(cloud, more));
  const api = createApi(settings);
  atEnd(async () => {
    api.close();
    await cloud.close();
  });
  const clock = { ms: 0 };
  const now = (): number => clock.ms;
  const unavailable = createUnavailable(now);
  const run = createLauncher({ settings, api, recent: createRecent(now), now, unavailable });
  let count = 0;
  const launch = (more: Partial<LaunchRequest> = {}): Promise<Instance> => {
    count += 1;
    return run(request({ runnerId: `images-abcdef-${String(count).padStart(12, '0')}`, ...more }), never);
  };
  const runs = (): number => cloud.audit.entries.filter(({ action }) => action === 'RunInstances').length;
  return { cloud, launch, clock, unavailable, runs };
};

test('no capacity in the first zone: the next zone, then the next type, in the order of the options', async () => {
  const { cloud, launch } = await setup(
    {
      tokenBindsOnFailure: false,
      capacity: { 'c7g.large/eu-central-1a/on-demand': 0, 'c7g.large/eu-central-1b/on-demand': 1 },
    },
    { instanceTypes: ['c7g.large', 'c6g.large'], subnets: [SUBNETS[0], SUBNETS[1]] },
  );
  const first = await launch();
  const second = await launch();
  expect([first.details?.type, first.location]).toEqual(['c7g.large', 'eu-central-1b']);
  expect([second.details?.type, second.location]).toEqual(['c6g.large', 'eu-central-1a']);
  expect(cloud.alive()).toHaveLength(2);
});

test('where EC2 ties a token to the failed request, the next offering gets a token of its own', async () => {
  const { cloud, launch, runs } = await setup(
    { tokenBindsOnFailure: true, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large', 't4g.small'] },
  );
  expect((await launch({ runnerId: 'a' })).details?.type).toBe('c6g.large');
  expect(runs()).toBe(3);
  expect([...cloud.machines.values()].map(({ clientToken }) => clientToken)).toEqual(['a-1-1']);

  // It has learnt: the next refusal does not try the taken token again.
  cloud.knobs.capacity.set('c6g.large/eu-central-1a/on-demand', 0);
  expect((await launch({ runnerId: 'b' })).details?.type).toBe('t4g.small');
  expect(runs()).toBe(5);
});

test('where tokens are tied, a controller that replaces one that crashed in mid-fallback finds its machine', async () => {
  const types = ['c7g.large', 'c6g.large'];
  const first = await setup(
    { tokenBindsOnFailure: true, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    { instanceTypes: types },
  );
  const { cloud } = first;
  cloud.faults.next(
    'RunInstances',
    { kind: 'lost-reply' },
    { times: 3, where: ({ ClientToken }) => ClientToken === 'a-1-1' },
  );
  expect(await failure(first.launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  expect(cloud.machines.size).toBe(1);
  cloud.knobs.capacity.clear();
  const successor = backendOn(cloud, { instanceTypes: types });
  const found = await successor.launch(request({ runnerId: 'a' }), never);
  expect([found.id]).toEqual([...cloud.machines.keys()]);
  // The first, had it lived on, too: by the very request whose answer got lost.
  expect((await first.launch({ runnerId: 'a' })).id).toBe(found.id);
  expect(cloud.machines.size).toBe(1);
});

test('a look-up that is throttled is an unknown outcome, not a refusal that drops the record', async () => {
  const { cloud, launch } = await setup({}, { instanceTypes: ['c7g.large', 'c6g.large'] });
  cloud.faults.next('DescribeInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 4 });
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({
    kind: 'unknown',
    providerCode: 'RequestLimitExceeded',
  });
  await launch({ runnerId: 'a' });
});

test('a refused offering is left alone for 3 minutes, and twice as long when it is refused again', async () => {
  const { cloud, launch, clock, runs } = await setup(
    { tokenBindsOnFailure: false, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large'] },
  );
  await launch();
  expect(runs()).toBe(2);
  await launch();
  expect(runs()).toBe(3);
  clock.ms = 3 * MINUTE + 1;
  await launch();
  expect(runs()).toBe(5);
  clock.ms = 8 * MINUTE;
  await launch();
  expect(runs()).toBe(6);
  clock.ms = 9 * MINUTE + 2;
  cloud.knobs.capacity.clear();
  expect((await launch()).details?.type).toBe('c7g.large');
});

test('all offerings refused: capacity, naming each, and no request until their time is up', async () => {
  const { launch, clock, runs, cloud } = await setup(
    {
      tokenBindsOnFailure: false,
      capacity: { 'c7g.large/eu-central-1a/on-demand': 0, 'c6g.large/eu-central-1a/on-demand': 0 },
    },
    { instanceTypes: ['c7g.large', 'c6g.large'] },
  );
  const error = await failure(launch());
  expect(error).toMatchObject({ kind: 'capacity', providerCode: 'InsufficientInstanceCapacity' });
  expect(String(error)).toContain(`c6g.large/${SUBNETS[0]}/on-demand InsufficientInstanceCapacity`);
  for (let i = 0; i < 20; i++) expect(await failure(launch())).toMatchObject({ kind: 'capacity' });
  expect(runs()).toBe(2);
  clock.ms = 3 * MINUTE + 1;
  cloud.knobs.capacity.clear();
  await launch();
});

test('ten launches at once learn of a missing capacity from one request, and then do not wait for each other', async () => {
  const { cloud, launch, runs } = await setup(
    { tokenBindsOnFailure: false, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large'] },
  );
  await Promise.all(Array.from({ length: 10 }, () => launch()));
  expect(cloud.machines.size).toBe(10);
  expect(cloud.audit.counts()['RunInstances!InsufficientInstanceCapacity']).toBe(1);
  expect(runs()).toBe(11);
});

test('a launch does not wait for ever for what another one hears', async () => {
  const { cloud, launch } = await setup({}, {});
  cloud.faults.next('RunInstances', { kind: 'slow', ms: 20_000 });
  const slow = failure(launch().then(() => Promise.reject(new Error('answered'))));
  await waitFor(() => cloud.machines.size === 1, { what: 'the slow request to be under way' });
  await launch();
  expect(cloud.machines.size).toBe(2);
  await cloud.close();
  await slow;
});

test('spot first, on demand when no spot can be had', async () => {
  const { cloud, launch } = await setup(
    { tokenBindsOnFailure: false, capacity: { 'c7g.large/eu-central-1a/spot': 1, 'c6g.large/eu-central-1a/spot': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large'], spot: 'prefer' },
  );
  expect((await launch()).details?.market).toBe('spot');
  expect((await launch()).details).toMatchObject({ market: 'on-demand', type: 'c7g.large' });
  const [spot] = [...cloud.machines.values()];
  expect(spot?.params.InstanceMarketOptions).toEqual({
    MarketType: 'spot',
    SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
  });
});

test('the spot quota parks the whole spot market of the family group, not one type', async () => {
  const { launch, runs } = await setup(
    { tokenBindsOnFailure: false, vcpuQuota: { 'standard/spot': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large', 'm7g.large'], subnets: [SUBNETS[0], SUBNETS[1]], spot: 'prefer' },
  );
  expect((await launch()).details).toMatchObject({ market: 'on-demand', type: 'c7g.large' });
  expect(runs()).toBe(2);
});

test('a vCPU quota that is used up is kind quota, and no further type of the group is asked', async () => {
  const { cloud, launch, runs } = await setup(
    { vcpuQuota: { 'standard/on-demand': 4 } },
    { instanceTypes: ['c7g.large', 'c6g.large'] },
  );
  await launch();
  await launch();
  const error = await failure(launch());
  expect(error).toMatchObject({ kind: 'quota', providerCode: 'VcpuLimitExceeded' });
  expect(await failure(launch())).toMatchObject({ kind: 'quota' });
  expect(runs()).toBe(3);
  expect(cloud.alive()).toHaveLength(2);
});

test('a subnet without addresses is left out for every type', async () => {
  const vpc = 'vpc-1';
  const { launch, runs } = await setup(
    {
      tokenBindsOnFailure: false,
      catalog: {
        subnets: {
          [SUBNETS[0]]: { zone: 'eu-central-1a', vpc, freeAddresses: 0 },
          [SUBNETS[1]]: { zone: 'eu-central-1b', vpc, freeAddresses: 1 },
        },
      },
    },
    { instanceTypes: ['c7g.large', 'c6g.large'], subnets: [SUBNETS[0], SUBNETS[1]] },
  );
  expect((await launch()).location).toBe('eu-central-1b');
  expect(await failure(launch())).toMatchObject({ kind: 'capacity' });
  // a, b, b again, and nothing for the second type: its subnets are the same.
  expect(runs()).toBe(3);
});

test('a type that three places refuse is not tried in a fourth', () => {
  const clock = { ms: 0 };
  const unavailable = createUnavailable(() => clock.ms);
  const at = (zone: string) => ({ type: 'c7g.large', place: { zone }, market: 'spot' as const });
  unavailable.mark(at('a'), 'offering', 'ICE');
  unavailable.mark(at('b'), 'offering', 'ICE');
  expect(unavailable.reason(at('d'))).toBeUndefined();
  unavailable.mark(at('c'), 'offering', 'ICE');
  expect(unavailable.reason(at('d'))).toBe('ICE');
  expect(unavailable.reason({ ...at('d'), market: 'on-demand' })).toBeUndefined();
  expect(unavailable.size()).toBe(3);
  clock.ms = 3 * MINUTE;
  expect(unavailable.reason(at('d'))).toBeUndefined();
});

test('repeated refusals are held at most 15 minutes, and success forgets them', () => {
  const clock = { ms: 0 };
  const unavailable = createUnavailable(() => clock.ms);
  const offering = { type: 'c7g.large', place: { zone: 'a' }, market: 'spot' as const };
  const heldFor = (): number => {
    unavailable.mark(offering, 'offering', 'ICE');
    const start = clock.ms;
    while (unavailable.reason(offering) !== undefined) clock.ms += MINUTE;
    return (clock.ms - start) / MINUTE;
  };
  expect([heldFor(), heldFor(), heldFor(), heldFor()]).toEqual([3, 6, 12, 15]);
  unavailable.clear(offering);
  expect(heldFor()).toBe(3);
});

test('a type that a zone does not offer at all is passed over', async () => {
  const { launch } = await setup(
    { tokenBindsOnFailure: false },
    { instanceTypes: ['m7g.large'], subnets: [SUBNETS[2], SUBNETS[0]] },
  );
  expect((await launch()).location).toBe('eu-central-1a');
});

test('a parameter error does not move on to other offerings', async () => {
  const { launch, runs } = await setup({}, { instanceTypes: ['c7i.large', 'c7g.large'] });
  const error = await failure(launch());
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('architecture') });
  expect(runs()).toBe(1);
});

test('at most twenty offerings are tried in one launch; the message says how many were not', async () => {
  const zones = ['a', 'b', 'c'].map((zone) => `eu-central-1${zone}`);
  const types = Object.keys(defaultCatalog.types).filter((type) => defaultCatalog.types[type]?.arch === 'arm64');
  const more = Object.fromEntries(
    ['c8g.large', 'm8g.large', 'r8g.large'].map((type) => [type, { vcpus: 2, arch: 'arm64' as const, priceHour: 0.1 }]),
  );
  const all = [...types, ...Object.keys(more)];
  const { launch, runs } = await setup(
    {
      tokenBindsOnFailure: false,
      catalog: { types: { ...defaultCatalog.types, ...more }, unsupported: [] },
      capacity: Object.fromEntries(all.flatMap((type) => zones.map((zone) => [`${type}/${zone}/on-demand`, 0]))),
    },
    { instanceTypes: all, subnets: [...SUBNETS] },
  );
  expect(String(await failure(launch()))).toContain('4 of 24 offerings were not tried');
  expect(runs()).toBe(20);
  expect(String(await failure(launch()))).toContain('none of the 24 offerings can be had now');
  expect(runs()).toBe(24);
});

test('a lost launch that is refused when repeated counts as refused once nothing can be under way any more', async () => {
  const { cloud, launch, clock } = await setup(
    { tokenBindsOnFailure: false, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    { instanceTypes: ['c7g.large', 'c6g.large'] },
  );
  cloud.faults.next('RunInstances', { kind: 'reset' });
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  clock.ms = 59_000;
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  clock.ms = 61_000;
  expect((await launch({ runnerId: 'a' })).details?.type).toBe('c6g.large');
  expect(cloud.machines.size).toBe(1);
});

test('a lost launch whose parameters have become invalid ends as invalid, after the grace, not never', async () => {
  const { cloud, launch, clock } = await setup({}, {});
  cloud.faults.next('RunInstances', { kind: 'reset' });
  const gone = { kind: 'error', code: 'InvalidAMIID.NotFound', status: 400 } as const;
  cloud.faults.next('RunInstances', gone, { times: 5 });
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  clock.ms = 2 * MINUTE + 1;
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'invalid' });
});

test('a token that is taken but shows no machine for two minutes gives way to the next attempt', async () => {
  const { cloud, launch, clock } = await setup({}, {});
  const mismatch = { kind: 'error', code: 'IdempotentParameterMismatch', status: 400 } as const;
  cloud.faults.next('RunInstances', mismatch, { times: 9 });
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  clock.ms = MINUTE;
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({ kind: 'unknown' });
  clock.ms = 2 * MINUTE + 1;
  expect(await failure(launch({ runnerId: 'a' }))).toMatchObject({
    kind: 'capacity',
    providerCode: 'IdempotentParameterMismatch',
  });
  cloud.faults.clear();
  await launch({ runnerId: 'a', attempt: 2 });
  expect(cloud.machines.size).toBe(1);
});
