import { FlameLaunchError } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { backendOn, failure, never, request, SUBNETS, setup } from './support.ts';

test('a launch makes one machine of the wanted type in the wanted subnet, and says which', async () => {
  const { cloud, backend } = await setup();
  const instance = await backend.launch(request(), never);
  expect(instance).toMatchObject({ runnerId: 'images-abcdef-0000000000aa', pool: 'images', location: 'eu-central-1a' });
  expect(instance.details).toMatchObject({ type: 'c7g.large', market: 'on-demand' });
  expect(cloud.alive().map(({ id }) => id)).toEqual([instance.id]);
  expect(Math.abs(instance.launchedAt - Date.now())).toBeLessThan(60_000);
});

test('the same runner and attempt launched again, also at once, is the same machine', async () => {
  const { cloud, backend } = await setup();
  const [first, second] = await Promise.all([backend.launch(request(), never), backend.launch(request(), never)]);
  const third = await backendOn(cloud).launch(request(), never);
  expect(new Set([first.id, second.id, third.id]).size).toBe(1);
  expect(cloud.machines.size).toBe(1);
});

test('another attempt, and another runner, is another machine', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  await backend.launch(request({ attempt: 2 }), never);
  await backend.launch(request({ runnerId: 'images-abcdef-0000000000bb' }), never);
  expect(cloud.machines.size).toBe(3);
});

test('the client token is the runner and its attempt, and too long a runner id is refused', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request({ attempt: 7 }), never);
  expect([...cloud.machines.values()][0]?.clientToken).toBe('images-abcdef-0000000000aa-7');
  const error = await failure(backend.launch(request({ runnerId: 'x'.repeat(63) }), never));
  expect(error).toMatchObject({ kind: 'invalid', message: expect.stringContaining('64') });
});

test.each(['lost-reply', 'reset'] as const)(
  '%s: the launch is repeated with the same token and makes one machine',
  async (kind) => {
    const { cloud, backend } = await setup();
    cloud.faults.next('RunInstances', { kind });
    const instance = await backend.launch(request(), never);
    expect([...cloud.machines.keys()]).toEqual([instance.id]);
    const tokens = cloud.audit.entries.map(({ params }) => params.ClientToken);
    expect(tokens).toEqual(['images-abcdef-0000000000aa-1', 'images-abcdef-0000000000aa-1']);
  },
);

test('every reply lost: the outcome is unknown, and later replays, also of a new controller, find the one machine', async () => {
  const { cloud, backend } = await setup();
  cloud.faults.next('RunInstances', { kind: 'lost-reply' }, { times: 3 });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  expect(cloud.machines.size).toBe(1);
  const [id] = [...cloud.machines.keys()];
  expect((await backendOn(cloud).launch(request(), never)).id).toBe(id);
  expect((await backend.launch(request(), never)).id).toBe(id);
  expect(cloud.machines.size).toBe(1);
});

test.each([
  { code: 'InternalError', status: 500 },
  { code: 'Unavailable', status: 503 },
  { code: 'ServiceUnavailable', status: 503 },
])('$code after the machine was made: same token again, one machine', async ({ code, status }) => {
  const { cloud, backend } = await setup();
  cloud.faults.next('RunInstances', { kind: 'error-after', code, status });
  await backend.launch(request(), never);
  expect(cloud.machines.size).toBe(1);
});

test('a slow answer ends as unknown at the request timeout, and the replay finds the machine', async () => {
  const { cloud, backend } = await setup({}, { requestTimeout: 300 });
  cloud.faults.next('RunInstances', { kind: 'slow', ms: 5_000 });
  const instance = await backend.launch(request(), never);
  expect([...cloud.machines.keys()]).toEqual([instance.id]);
});

test('an abort while the request is under way is an unknown outcome; before it, a definite no', async () => {
  const { cloud, backend } = await setup();
  const early = await failure(backend.launch(request(), AbortSignal.abort()));
  expect(early).toMatchObject({ kind: 'throttled' });
  expect(cloud.audit.entries).toEqual([]);

  const controller = new AbortController();
  cloud.faults.next('RunInstances', { kind: 'slow', ms: 60_000 });
  const launching = failure(backend.launch(request(), controller.signal));
  await waitFor(() => cloud.machines.size === 1, { what: 'the machine to be made' });
  controller.abort();
  expect(await launching).toMatchObject({ kind: 'unknown' });
  expect((await backend.launch(request(), never)).id).toBe([...cloud.machines.keys()][0]);
});

test('a lost request that is refused for want of capacity when repeated stays in doubt and does not move on', async () => {
  const { cloud, backend } = await setup({}, { instanceTypes: ['c7g.large', 'c6g.large'] });
  cloud.faults.next('RunInstances', { kind: 'queued', ms: 1_500 });
  // The first request waits inside EC2, the repeats meet no capacity: moving on now would end with two machines.
  const short = backendOn(cloud, { instanceTypes: ['c7g.large', 'c6g.large'], requestTimeout: 200 });
  cloud.faults.next('RunInstances', { kind: 'error', code: 'InsufficientInstanceCapacity', status: 500 });
  expect(await failure(short.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  const machine = await waitFor(() => [...cloud.machines.values()][0], { what: 'the queued request to be served' });
  expect((await short.launch(request(), never)).id).toBe(machine.id);
  expect(cloud.machines.size).toBe(1);
  await backend.close?.();
});

test('a controller that crashed on the second offering is replaced by one that starts at the first: still one machine', async () => {
  const cloudOptions = { tokenBindsOnFailure: false, lag: { tagMs: 60_000, idMs: 60_000 } };
  const types = { instanceTypes: ['c7g.large', 'c6g.large'] };
  const { cloud, backend } = await setup(
    { ...cloudOptions, capacity: { 'c7g.large/eu-central-1a/on-demand': 0 } },
    types,
  );
  cloud.faults.next(
    'RunInstances',
    { kind: 'lost-reply' },
    { times: 3, where: ({ InstanceType }) => InstanceType === 'c6g.large' },
  );
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  expect([...cloud.machines.values()].map(({ type }) => type)).toEqual(['c6g.large']);

  cloud.knobs.capacity.clear();
  const successor = backendOn(cloud, types);
  // EC2 does not show the machine yet, and has capacity for the first type again: the trap. The token holds.
  expect(await failure(successor.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  expect(cloud.machines.size).toBe(1);
  cloud.knobs.lag.idMs = 0;
  cloud.knobs.lag.tagMs = 0;
  expect((await successor.launch(request(), never)).id).toBe([...cloud.machines.keys()][0]);
  expect(cloud.audit.duplicates('flame:runner-id')).toEqual([]);
});

test('throttling is repeated within the launch, and reported as throttled when it lasts', async () => {
  const { cloud, backend } = await setup();
  cloud.faults.next('RunInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 2 });
  await backend.launch(request(), never);
  cloud.faults.next('RunInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 5 });
  const error = await failure(backend.launch(request({ runnerId: 'images-abcdef-0000000000bb' }), never));
  expect(error).toMatchObject({ kind: 'throttled', providerCode: 'RequestLimitExceeded' });
  expect(cloud.machines.size).toBe(1);
});

test('throttled after a lost reply is still an unknown outcome', async () => {
  const { cloud, backend } = await setup();
  cloud.faults.next('RunInstances', { kind: 'lost-reply' });
  cloud.faults.next('RunInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 4 });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  await backend.launch(request(), never);
  expect(cloud.machines.size).toBe(1);
});

test.each([
  ['UnauthorizedOperation', 403, 'auth'],
  ['AuthFailure', 401, 'auth'],
  ['ExpiredToken', 400, 'auth'],
  ['OptInRequired', 401, 'auth'],
  ['PendingVerification', 400, 'auth'],
  ['VcpuLimitExceeded', 400, 'quota'],
  ['InstanceLimitExceeded', 400, 'quota'],
  ['MaxSpotInstanceCountExceeded', 400, 'quota'],
  ['InsufficientInstanceCapacity', 500, 'capacity'],
  ['InsufficientInstanceCapacity', 400, 'capacity'],
  ['InsufficientCapacityOnHost', 400, 'capacity'],
  ['UnfulfillableCapacity', 400, 'capacity'],
  ['ReservationCapacityExceeded', 400, 'capacity'],
  ['InsufficientFreeAddressesInSubnet', 400, 'capacity'],
  ['SpotMaxPriceTooLow', 400, 'capacity'],
  ['Unsupported', 400, 'capacity'],
  ['InvalidParameterValue', 400, 'invalid'],
  ['InvalidAMIID.NotFound', 400, 'invalid'],
  ['SomethingNewThatEc2Refuses', 400, 'invalid'],
  ['RequestLimitExceeded', 503, 'throttled'],
  ['Throttling', 400, 'throttled'],
  ['InternalError', 500, 'unknown'],
  ['SomethingNewThatBroke', 500, 'unknown'],
])('%s with HTTP %i is kind %s', async (code, status, kind) => {
  const { cloud, backend } = await setup();
  cloud.faults.next('RunInstances', { kind: 'error', code, status }, { times: 5 });
  const error = await failure(backend.launch(request(), never));
  expect(error).toBeInstanceOf(FlameLaunchError);
  expect(error).toMatchObject({ kind, providerCode: code });
});

test('a zone instead of a subnet, a public address, a root disk and a launch template reach EC2 as it wants them', async () => {
  const { cloud, backend } = await setup(
    {},
    { publicIp: true, rootVolume: { device: '/dev/xvda', sizeGb: 40 }, tags: { team: 'web' } },
  );
  await backend.launch(request(), never);
  const zoned = backendOn(cloud, { zones: ['eu-central-1b'], subnets: [] });
  const templated = { ...{ launchTemplate: { name: 'flame', version: 2 } } };
  expect((await zoned.launch(request({ runnerId: 'b' }), never)).location).toBe('eu-central-1b');
  const { ami: _, ...rest } = (await import('./support.ts')).options(cloud, templated);
  const { ec2 } = await import('../../src/backends/ec2/index.ts');
  const third = ec2(rest);
  await third.launch(request({ runnerId: 'c' }), never);
  await third.close?.();
  const [first] = [...cloud.machines.values()];
  expect(first?.params.NetworkInterface).toMatchObject([
    { SubnetId: SUBNETS[0], AssociatePublicIpAddress: true, DeviceIndex: 0 },
  ]);
  expect(first?.params.BlockDeviceMapping).toMatchObject([
    { Ebs: { DeleteOnTermination: true, Encrypted: true, VolumeSize: 40 } },
  ]);
  expect(first?.volumeTags.get('team')).toBe('web');
});
