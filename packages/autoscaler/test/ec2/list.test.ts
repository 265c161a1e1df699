import type { Backend } from '@flamejs/queue';
import { expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { backendOn, failure, never, request, setup } from './support.ts';

const launchMany = async (backend: Backend, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await backend.launch(request({ runnerId: `r${i}` }), never);
};

test('the list holds the machines of this app that are not gone, and no others', async () => {
  const { cloud, backend } = await setup({ terminate: { delayMs: 60_000 } });
  const one = await backend.launch(request({ runnerId: 'one' }), never);
  await backend.launch(request({ runnerId: 'two', app: 'other' }), never);
  const ending = await backend.launch(request({ runnerId: 'ending' }), never);
  await backend.terminate([ending.id], never);
  const listed = await backend.list('shop', never);
  expect(listed.map(({ runnerId, state }) => `${runnerId} ${state}`).sort()).toEqual([
    'ending stopping',
    'one running',
  ]);
  expect(listed.find(({ id }) => id === one.id)).toMatchObject({ pool: 'images', location: 'eu-central-1a' });
  expect(await backend.list('nobody', never)).toEqual([]);
  cloud.knobs.terminate.delayMs = 0;
});

test('a terminated machine is listed as gone for as long as EC2 shows it, with EC2’s reason', async () => {
  const { cloud, backend } = await setup();
  const instance = await backend.launch(request(), never);
  await waitFor(() => cloud.machines.get(instance.id)?.state() === 'running', { what: 'the boot' });
  await backend.terminate([instance.id], never);
  for (const each of [backend, backendOn(cloud)]) {
    const listed = await waitFor(
      async () => {
        const instances = await each.list('shop', never);
        return instances.every(({ state }) => state === 'gone') && instances;
      },
      { what: 'the list to show it as gone' },
    );
    expect(listed).toMatchObject([
      { id: instance.id, end: { reason: expect.stringMatching(/UserInitiatedShutdown/) } },
    ]);
  }
});

test('more than a page of machines is listed whole', async () => {
  const { cloud, backend } = await setup({ pageLimit: 5 });
  await launchMany(backend, 12);
  const fresh = backendOn(cloud);
  const before = cloud.audit.entries.length;
  const listed = await fresh.list('shop', never);
  expect(new Set(listed.map(({ runnerId }) => runnerId)).size).toBe(12);
  expect(cloud.audit.entries.length - before).toBe(3);
});

test('P23 a page that fails fails the whole list: unknown is not fewer', async () => {
  const { cloud, backend } = await setup({ pageLimit: 5 });
  await launchMany(backend, 12);
  const broken = { kind: 'error', code: 'InvalidParameterValue', status: 400 } as const;
  cloud.faults.next('DescribeInstances', broken, { where: ({ NextToken }) => NextToken !== undefined });
  expect(await failure(backend.list('shop', never))).toMatchObject({ name: 'FlameLaunchError' });
});

test('P23 throttled and broken lists are repeated by the SDK, and throw when that does not help', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  cloud.faults.next('DescribeInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 2 });
  cloud.faults.next('DescribeInstances', { kind: 'reset' });
  expect(await backend.list('shop', never)).toHaveLength(1);
  cloud.faults.next('DescribeInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 4 });
  expect(await failure(backend.list('shop', never))).toMatchObject({ kind: 'throttled' });
});

test('a machine that the index does not show yet is listed all the same, by whoever launched it', async () => {
  const { cloud, backend } = await setup({ lag: { tagMs: 60_000, idMs: 60_000 } });
  const instance = await backend.launch(request(), never);
  expect((await backend.list('shop', never)).map(({ id }) => id)).toEqual([instance.id]);
  // Another controller cannot know: the durable record and its grace cover that.
  expect(await backendOn(cloud).list('shop', never)).toEqual([]);
});

test('a machine that died before the tag index showed it is not listed from memory', async () => {
  const { cloud, backend } = await setup({ lag: { tagMs: 200 }, boot: { outcome: () => 'dies' } });
  const instance = await backend.launch(request(), never);
  await waitFor(() => cloud.machines.get(instance.id)?.state() === 'terminated', { what: 'it to die' });
  const living = async () => (await backend.list('shop', never)).filter(({ state }) => state !== 'gone');
  await waitFor(async () => (await living()).length === 0, { what: 'the list to notice' });
});

test('a launch that is replayed after its machine has ended says that it is gone', async () => {
  const { cloud, backend } = await setup({ boot: { outcome: () => 'dies' } });
  const { id } = await backend.launch(request(), never);
  await waitFor(() => cloud.machines.get(id)?.state() === 'terminated', { what: 'it to die' });
  expect(await backendOn(cloud).launch(request(), never)).toMatchObject({
    id,
    state: 'gone',
    details: { stateReason: 'Server.InternalError' },
  });
});

test('a machine that somebody stopped still counts: it costs its disk', async () => {
  const { cloud, backend } = await setup();
  const { id } = await backend.launch(request(), never);
  await waitFor(() => cloud.machines.get(id)?.state() === 'running', { what: 'the boot' });
  cloud.stopByHand(id);
  expect(await backend.list('shop', never)).toMatchObject([{ id, state: 'stopping' }]);
});
