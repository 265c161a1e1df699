/** The view: what a list, a watch and their failures make of it; how pods come, wait and end. */
import { expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { backendOn, failure, never, RUNNER, request, setup } from './support.ts';

const ids = (count: number): readonly string[] =>
  Array.from(
    { length: count },
    (_, i) => `images-abcdef-aaaaaaaaaa${'abcdefghij'[Math.floor(i / 10)]}${'abcdefghij'[i % 10]}`,
  );
const watches = (requests: readonly string[]): number => requests.filter((line) => line.startsWith('WATCH')).length;
const lists = (requests: readonly string[]): number =>
  requests.filter((line) => /^GET \S+\/pods 200$/.test(line)).length;

test('one list and one watch serve every look, whatever number of pods', async () => {
  const { cloud, backend } = await setup();
  for (const runnerId of ids(10)) await backend.launch(request({ runnerId }), never);
  for (let look = 0; look < 20; look += 1) expect(await backend.list('shop', never)).toHaveLength(10);
  await waitFor(async () => (await backend.list('shop', never)).every(({ state }) => state === 'running'), {
    what: 'all to run',
  });
  expect([lists(cloud.requests), watches(cloud.requests)]).toEqual([1, 1]);
});

test('a pod that was just made is there before the watch tells of it', async () => {
  const { cloud, backend } = await setup();
  await backend.list('shop', never);
  for (const runnerId of ids(5)) {
    await backend.launch(request({ runnerId }), never);
    expect((await backend.list('shop', never)).map((each) => each.runnerId)).toContain(runnerId);
  }
  expect(lists(cloud.requests)).toBe(1);
});

test('a watch that is cut, and one whose version the server has forgotten, lead to a new list', async () => {
  const { cloud, backend } = await setup();
  await backend.list('shop', never);
  await waitFor(() => cloud.cluster.watchers === 1, { what: 'the watch' });
  // Another controller's pod, made while nobody watches.
  cloud.cluster.cutWatches();
  await backendOn(cloud).launch(request(), never);
  await waitFor(async () => (await backend.list('shop', never)).length === 1, { what: 'the pod after the cut' });
  await waitFor(() => cloud.cluster.watchers === 1, { what: 'the next watch' });
  const before = lists(cloud.requests);
  cloud.cluster.compact();
  cloud.next('WATCH', { code: 410, reason: 'Expired', message: 'too old resource version' });
  cloud.cluster.cutWatches();
  await waitFor(() => lists(cloud.requests) >= before + 2, { what: 'a list after the cut and one after the 410' });
  expect(await backend.list('shop', never)).toHaveLength(1);
});

test('a long list is read in pages', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  const model = cloud.pod(RUNNER);
  for (let i = 0; i < 600; i += 1) {
    const name = `images-abcdef-page${i}`;
    const labels = { ...model.metadata.labels, 'flame.runner-id': name };
    cloud.cluster.pods.set(name, { ...model, metadata: { ...model.metadata, name, labels, uid: `u${i}` } });
  }
  expect(await backend.list('shop', never)).toHaveLength(601);
  expect(lists(cloud.requests)).toBe(2);
});

test('a list that fails is an error, not an empty list; a busy server is asked again when it says', async () => {
  const { cloud, backend } = await setup();
  await backend.launch(request(), never);
  cloud.next('GET', { code: 429, reason: 'TooManyRequests', message: 'busy', retryAfter: 1 });
  expect(await failure(backend.list('shop', never))).toMatchObject({ kind: 'throttled' });
  await waitFor(async () => (await backend.list('shop', never).catch(() => [])).length === 1, { what: 'a whole list' });
});

test('a pod for which there is no room is pending with the scheduler’s words, and comes up when there is', async () => {
  const { cloud, backend } = await setup();
  cloud.knobs.room = 0;
  await backend.launch(request(), never);
  const waiting = await waitFor(async () => (await backend.list('shop', never)).find(({ problem }) => problem), {
    what: 'the scheduler’s word',
  });
  expect(waiting).toMatchObject({ state: 'pending', problem: { kind: 'capacity', final: false } });
  expect(waiting.problem?.reason).toMatch(/^Unschedulable: 0\/2 nodes are available/);
  cloud.knobs.room = 1;
  cloud.reschedule();
  const running = await waitFor(async () => (await backend.list('shop', never)).find((it) => it.state === 'running'), {
    what: 'the pod',
  });
  expect(running.problem).toBeUndefined();
  expect(running.location).toMatch(/^node-/);
});

test('a cluster that says it will not grow makes it final, where events may be read', async () => {
  const { cloud, backend } = await setup({ events: true });
  cloud.user.rules = [...cloud.user.rules, { resources: ['events'], verbs: ['list'] }];
  cloud.knobs.room = 0;
  await backend.launch(request(), never);
  const { uid } = cloud.pod(RUNNER).metadata;
  cloud.cluster.events.push({ involvedUid: uid, reason: 'NotTriggerScaleUp', message: 'max node group size reached' });
  const problem = await waitFor(async () => (await backend.list('shop', never)).find((it) => it.problem)?.problem, {
    what: 'the problem',
  });
  expect(problem).toEqual({
    kind: 'capacity',
    final: true,
    reason: 'NotTriggerScaleUp: max node group size reached',
  });
});

test.each([
  ['invalid', 'manifest unknown', /^ImagePullBackOff: .*manifest unknown/],
  ['auth', 'pull access denied, unauthorized', /^ImagePullBackOff: .*unauthorized/],
  ['throttled', 'toomanyrequests: rate limit', /^ImagePullBackOff: .*toomanyrequests/],
] as const)('an image that cannot be pulled is final, of kind %s', async (kind, words, reason) => {
  const { cloud, backend } = await setup();
  cloud.knobs.badImage = () => words;
  await backend.launch(request(), never);
  const found = await waitFor(
    async () => (await backend.list('shop', never)).find(({ problem }) => problem?.final === true),
    { what: 'the problem' },
  );
  expect(found.problem).toMatchObject({ kind, reason: expect.stringMatching(reason) });
});

test('a Secret that is missing is final, with the kubelet’s words', async () => {
  const { cloud, backend } = await setup();
  cloud.knobs.configError = () => 'secret "shop" not found';
  await backend.launch(request(), never);
  const found = await waitFor(async () => (await backend.list('shop', never)).find(({ problem }) => problem), {
    what: 'the problem',
  });
  expect(found.problem).toEqual({
    kind: 'invalid',
    final: true,
    reason: 'CreateContainerConfigError: secret "shop" not found',
  });
});

test('C-33 how a pod ended: its code and last lines, memory, eviction, and a node that is gone', async () => {
  const { cloud, backend } = await setup();
  const [plain = '', memory = '', evicted = '', deleted = ''] = ids(4);
  for (const runnerId of [plain, memory, evicted, deleted]) await backend.launch(request({ runnerId }), never);
  await waitFor(async () => (await backend.list('shop', never)).every(({ state }) => state === 'running'), {
    what: 'all to run',
  });
  cloud.exit(cloud.pod(plain), { exitCode: 7, output: '{"level":50,"msg":"no such module"}\n' });
  cloud.exit(cloud.pod(memory), { exitCode: 137, outOfMemory: true });
  await cloud.evict(cloud.pod(evicted));
  await cloud.cluster.end(cloud.pod(deleted), 0);
  await waitFor(async () => (await backend.list('shop', never)).every(({ state }) => state === 'gone'), {
    what: 'all to end',
  });
  const ends = new Map((await backend.list('shop', never)).map(({ runnerId, end }) => [runnerId, end]));
  expect(ends.get(plain)).toMatchObject({ exitCode: 7, reason: 'exited with code 7', lastLines: 'no such module' });
  expect(ends.get(memory)).toMatchObject({ outOfMemory: true, reason: 'out of memory (ended by SIGKILL)' });
  expect(ends.get(evicted)?.reason).toMatch(/^evicted: Eviction API/);
  expect(ends.get(deleted)?.reason).toBe('its pod was deleted');
  // A replay brings none of them back.
  for (const runnerId of [plain, memory, evicted, deleted])
    expect(await backend.launch(request({ runnerId }), never)).toMatchObject({ state: 'gone' });
  expect(cloud.alive()).toEqual([]);
  expect(cloud.cluster.history).toHaveLength(4);
});

test('a sidecar that goes on without its runner is ended', async () => {
  const secure = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  const { cloud, backend } = await setup({
    podTemplate: { spec: { containers: [{ name: 'proxy', image: 'proxy:1', securityContext: secure }] } },
  });
  await backend.launch(request(), never);
  await waitFor(() => cloud.pod(RUNNER).status.phase === 'Running', { what: 'the pod' });
  cloud.exit(cloud.pod(RUNNER), { exitCode: 0 });
  await waitFor(
    async () => {
      const [found] = await backend.list('shop', never);
      return found?.state === 'gone' && cloud.alive().length === 0;
    },
    { what: 'the sidecar to end' },
  );
});

test('a pod with another app’s label is not ours, though its name may be like ours', async () => {
  const { backend } = await setup();
  await backend.launch(request({ app: 'other' }), never);
  expect(await backend.list('shop', never)).toEqual([]);
});
