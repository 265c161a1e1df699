import { expect, test } from 'vitest';
import { backendOn, failure, never, request, SUBNETS, setup } from './support.ts';

const UNKNOWN = 'i-0fedcba9876543210';

test('terminate ends machines, and ending them again is success', async () => {
  const { cloud, backend } = await setup();
  const a = await backend.launch(request({ runnerId: 'a' }), never);
  const b = await backend.launch(request({ runnerId: 'b' }), never);
  expect(await backend.terminate([a.id, b.id], never)).toEqual([
    { id: a.id, ok: true },
    { id: b.id, ok: true },
  ]);
  expect(await backend.terminate([a.id], never)).toEqual([{ id: a.id, ok: true }]);
  expect(cloud.audit.counts().TerminateInstances).toBe(2);
  expect(await backend.terminate([], never)).toEqual([]);
});

test('one unknown id and one malformed id do not spoil the others', async () => {
  const { cloud, backend } = await setup();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await backend.launch(request({ runnerId: `r${i}` }), never)).id);
  const results = await backend.terminate([...ids.slice(0, 2), UNKNOWN, 'not-an-id', ...ids.slice(2)], never);
  const byId = new Map(results.map((result) => [result.id, result]));
  expect(ids.map((id) => byId.get(id)?.ok)).toEqual(ids.map(() => true));
  // EC2 does not know it and we did not just launch it: it is gone, which is what was wanted.
  expect(byId.get(UNKNOWN)).toEqual({ id: UNKNOWN, ok: true });
  expect(byId.get('not-an-id')).toMatchObject({ ok: false, error: expect.stringContaining('Malformed') });
  expect(cloud.alive().filter((machine) => machine.state() === 'running')).toEqual([]);
});

test('many bad ids in a large batch cost few requests', async () => {
  const { cloud, backend } = await setup();
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) ids.push((await backend.launch(request({ runnerId: `r${i}` }), never)).id);
  const absent = Array.from({ length: 5 }, (_, i) => `i-0fedcba987654321${i}`);
  const before = cloud.audit.entries.length;
  const results = await backend.terminate([...ids, ...absent], never);
  expect(results.filter(({ ok }) => ok)).toHaveLength(25);
  expect(cloud.audit.entries.length - before).toBeLessThanOrEqual(7);
});

test('more than a batch is ended in several requests of at most 100', async () => {
  const { cloud, backend } = await setup();
  const ids: string[] = [];
  for (let i = 0; i < 205; i++) ids.push((await backend.launch(request({ runnerId: `r${i}` }), never)).id);
  const results = await backend.terminate(ids, never);
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(cloud.audit.counts().TerminateInstances).toBe(3);
});

test('a machine that was just launched and is not visible yet is not taken for gone', async () => {
  const { cloud, backend } = await setup({ lag: { idMs: 60_000, tagMs: 60_000 } });
  const { id } = await backend.launch(request(), never);
  expect(await backend.terminate([id], never)).toMatchObject([{ id, ok: false }]);
  cloud.knobs.lag.idMs = 0;
  expect(await backend.terminate([id], never)).toEqual([{ id, ok: true }]);
  expect(cloud.alive().every((machine) => machine.state() === 'shutting-down')).toBe(true);
});

test('a protected machine is reported, and those that share its zone end all the same', async () => {
  const { cloud, backend } = await setup({ protect: (runnerId) => runnerId === 'kept' });
  const other = backendOn(cloud, { subnets: [SUBNETS[1]] });
  const kept = await backend.launch(request({ runnerId: 'kept' }), never);
  const near = await backend.launch(request({ runnerId: 'near' }), never);
  const far = await other.launch(request({ runnerId: 'far' }), never);
  const results = await backend.terminate([kept.id, near.id, far.id], never);
  const byId = new Map(results.map((result) => [result.id, result]));
  expect(byId.get(kept.id)).toMatchObject({ ok: false, error: expect.stringContaining('disableApiTermination') });
  expect(byId.get(near.id)?.ok).toBe(true);
  expect(byId.get(far.id)?.ok).toBe(true);
  expect(
    cloud
      .alive()
      .filter((machine) => machine.state() === 'running')
      .map(({ id }) => id),
  ).toEqual([kept.id]);
});

test('a lost reply is repeated by the SDK; throttling that lasts is reported for each id, without taking the batch apart', async () => {
  const { cloud, backend } = await setup();
  const a = await backend.launch(request({ runnerId: 'a' }), never);
  const b = await backend.launch(request({ runnerId: 'b' }), never);
  cloud.faults.next('TerminateInstances', { kind: 'error', code: 'RequestLimitExceeded', status: 503 }, { times: 4 });
  const before = cloud.audit.entries.length;
  const results = await backend.terminate([a.id, b.id], never);
  expect(results).toMatchObject([{ ok: false }, { ok: false }]);
  expect(cloud.audit.entries.length - before).toBe(4);
  cloud.faults.next('TerminateInstances', { kind: 'lost-reply' });
  expect(await backend.terminate([a.id, b.id], never)).toMatchObject([{ ok: true }, { ok: true }]);
});

test('check passes with all permissions and makes nothing', async () => {
  const { cloud, backend } = await setup({}, { spot: 'prefer' });
  await backend.check?.(never);
  expect(cloud.machines.size).toBe(0);
  expect(cloud.audit.entries.every(({ params }) => params.DryRun === true)).toBe(true);
});

test.each([
  ['RunInstances', 'launch'],
  ['DescribeInstances', 'list'],
  ['TerminateInstances', 'terminate'],
])('check without ec2:%s says so', async (action, word) => {
  const actions = ['RunInstances', 'DescribeInstances', 'TerminateInstances'].filter((it) => it !== action);
  const { cloud } = await setup({ permissions: { AKIALIMITED: actions } });
  const backend = backendOn(cloud, { credentials: { accessKeyId: 'AKIALIMITED', secretAccessKey: 'x' } });
  const error = await failure(Promise.resolve(backend.check?.(never)));
  expect(error).toMatchObject({ kind: 'auth', providerCode: 'UnauthorizedOperation' });
  expect(String(error)).toContain(word);
  expect(String(error)).toContain(`ec2:${action}`);
});

test('check finds a wrong image, subnet, group or profile before anything is launched', async () => {
  const { cloud } = await setup();
  for (const wrong of [
    { ami: 'ami-0ffffffffffffffff' },
    { subnets: ['subnet-0fffffffffffffff1'] },
    { securityGroups: ['sg-0fedcba9876543210'] },
    { iamInstanceProfile: 'nobody' },
  ]) {
    const error = await failure(Promise.resolve(backendOn(cloud, wrong).check?.(never)));
    expect(error, JSON.stringify(wrong)).toMatchObject({ kind: 'invalid' });
  }
});

test('credentials that EC2 does not know are kind auth', async () => {
  const { cloud } = await setup();
  const backend = backendOn(cloud, { credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' } });
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'auth' });
  expect(await failure(backend.list('shop', never))).toMatchObject({ kind: 'auth' });
});
