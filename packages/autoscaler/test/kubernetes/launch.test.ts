/** A launch happens once, whatever is lost on the way; what the server refuses has a kind and its own words. */
import { expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { kubernetes } from '../../src/backends/kubernetes/index.ts';
import { backendOn, failure, never, options, RUNNER, request, setup } from './support.ts';

const OTHER = 'images-abcdef-bbbbbbbbbbbb';

test('I2 a name that is taken by the same runner is a success with the pod’s real state, ended included', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  await waitFor(() => cloud.pod(RUNNER).status.phase === 'Running', { what: 'the pod' });
  expect(await backendOn(cloud).launch(request(), never)).toMatchObject({ state: 'running' });
  cloud.exit(cloud.pod(RUNNER), { exitCode: 3, output: 'last words\n' });
  const again = await backendOn(cloud).launch(request(), never);
  expect(again).toMatchObject({ state: 'gone', end: { exitCode: 3, lastLines: 'last words' } });
  expect(cloud.cluster.history).toHaveLength(1);
});

test('I2 a lost reply is found again even when the quota is full by then', async () => {
  const { cloud, backend } = await setup();
  cloud.cluster.options.quota = 1;
  cloud.next('POST', 'lost-reply');
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
  // The server looks at the quota before it looks at the name.
  expect(await backend.launch(request(), never)).toMatchObject({ runnerId: RUNNER });
  expect(await failure(backend.launch(request({ runnerId: OTHER }), never))).toMatchObject({
    kind: 'quota',
    message: expect.stringMatching(/exceeded quota: runners/),
  });
  expect(cloud.cluster.history).toHaveLength(1);
});

test('I2 a refusal whose pod cannot be looked up has no known outcome', async () => {
  const { cloud, backend } = await setup();
  cloud.cluster.options.quota = 0;
  cloud.next('GET', 'dropped');
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind: 'unknown' });
});

test('a foreign pod of that name is left alone', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request({ app: 'other' }), never);
  expect(await failure(backend.launch(request(), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/not of this app/),
  });
  expect(cloud.alive()).toHaveLength(1);
});

test('a conflict over a quota is tried again: no pod was made', async () => {
  const { cloud, backend } = await setup();
  const conflict = {
    code: 409,
    reason: 'Conflict',
    message: 'the object has been modified; please apply your changes',
  };
  cloud.next('POST', conflict, 2);
  await backend.launch(request(), never);
  expect(cloud.requests.filter((line) => line.startsWith('POST'))).toHaveLength(3);
  cloud.next('POST', conflict, 10);
  expect(await failure(backend.launch(request({ runnerId: OTHER }), never))).toMatchObject({ kind: 'throttled' });
});

test.each([
  ['throttled', { code: 429, reason: 'TooManyRequests', message: 'too many requests', retryAfter: 1 }],
  ['unknown', { code: 500, reason: 'InternalError', message: 'etcdserver: request timed out' }],
  ['unknown', { code: 504, reason: 'Timeout', message: 'the request did not complete in time' }],
  ['auth', { code: 401, reason: 'Unauthorized', message: 'Unauthorized' }],
] as const)('an answer that means %s', async (kind, fault) => {
  const { cloud, backend } = await setup();
  cloud.next('POST', fault, 1);
  expect(await failure(backend.launch(request(), never))).toMatchObject({ kind });
});

test('what the namespace does not admit is invalid, with the admission’s own words', async () => {
  const { cloud, backend } = await setup({ serviceAccount: 'nobody' });
  expect(await failure(backend.launch(request(), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/serviceaccount "nobody" not found/),
  });
  cloud.cluster.options.admission = () => 'images must be signed';
  expect(await failure(backendOn(cloud).launch(request(), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/denied the request: images must be signed/),
  });
});

test.each(['get', 'list', 'watch', 'create', 'delete'])(
  'without the right to %s pods, check() names it',
  async (verb) => {
    const { cloud, backend } = await setup();
    cloud.user.rules = cloud.user.rules.map(({ resources, verbs }) => ({
      resources,
      verbs: verbs.filter((each) => each !== verb),
    }));
    expect(await failure(backend.check?.(never) ?? Promise.resolve())).toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(new RegExp(`may not ${verb} pods`)),
    });
    if (verb === 'create')
      expect(await failure(backend.launch(request(), never))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/cannot create resource "pods"/),
      });
    if (verb === 'list')
      expect(await failure(backend.list('shop', never))).toMatchObject({
        kind: 'auth',
        message: expect.stringMatching(/cannot list resource "pods"/),
      });
  },
);

test('without `image` a runner takes the image of the autoscaler’s own pod, by digest, and its pull secrets', async () => {
  const { cloud, backend } = await setup();
  // Any pod of the cluster stands for the autoscaler's own.
  await backend.launch(request({ runnerId: OTHER }), never);
  const own = cloud.pod(OTHER);
  await waitFor(() => own.status.phase === 'Running', { what: 'the own pod' });
  const digest = `registry.example.com/shop@sha256:${'ab'.repeat(32)}`;
  cloud.cluster.update(own, ({ spec, status }) => {
    Object.assign(spec, { imagePullSecrets: [{ name: 'registry' }] });
    status.containerStatuses = [{ name: 'runner', imageID: `docker-pullable://${digest}`, state: {} }];
  });
  const { image: _, ...rest } = options(cloud);
  const self = kubernetes(rest);
  expect(await failure(self.launch(request(), never))).toMatchObject({
    message: expect.stringMatching(/FLAME_POD_NAME or FLAME_POD_NAMESPACE is missing/),
  });
  process.env.FLAME_POD_NAME = OTHER;
  process.env.FLAME_POD_NAMESPACE = 'shop';
  try {
    await self.launch(request(), never);
  } finally {
    delete process.env.FLAME_POD_NAME;
    delete process.env.FLAME_POD_NAMESPACE;
    await self.close?.();
  }
  const { spec } = cloud.pod(RUNNER);
  expect(spec.containers?.[0]?.image).toBe(digest);
  expect(spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
});
