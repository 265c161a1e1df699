/** What a pod of ours is, and what is refused before anything is made. */
import { expect, test } from 'vitest';
import { kubernetes } from '../../src/backends/kubernetes/index.ts';
import { parseOptions } from '../../src/backends/kubernetes/parse-options.ts';
import { executorBytes, labelText } from '../../src/backends/kubernetes/pod-spec.ts';
import { failure, IMAGE, never, RUNNER, request, setup } from './support.ts';

test('a pod has the name, labels, grace and rights that the rules give it, and nothing more', async () => {
  const { cloud, backend } = await setup({ memory: '1GB', cpus: 0.5, maxLifetime: '1h' });
  await backend.launch(request({ release: 'a release/with+signs' }), never);
  const { metadata, spec } = cloud.pod(RUNNER);
  expect(metadata.labels).toMatchObject({ 'flame.app': 'shop', 'flame.pool': 'images', 'flame.runner-id': RUNNER });
  expect(metadata.annotations).toMatchObject({
    'flame.release': 'a release/with+signs',
    'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    'karpenter.sh/do-not-disrupt': 'true',
  });
  expect(metadata.ownerReferences).toBeUndefined();
  expect(spec).toMatchObject({
    restartPolicy: 'Never',
    serviceAccountName: 'flame-runner',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // shutdownTimeout + killGrace + 10 s
    terminationGracePeriodSeconds: 41,
    activeDeadlineSeconds: 3_600,
  });
  const [container, ...others] = spec.containers ?? [];
  expect(others).toEqual([]);
  expect(container).toMatchObject({
    name: 'runner',
    image: IMAGE,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    resources: { requests: { memory: String(1024 ** 3), cpu: '500m' }, limits: { memory: String(1024 ** 3) } },
  });
  const names = container?.env?.map(({ name }) => name).sort();
  expect(names).toEqual(['FLAME_APP', 'FLAME_EXECUTOR_MEMORY', 'FLAME_POOL', 'FLAME_REDIS_URL', 'FLAME_RUNNER_ID']);
});

test('each executor gets less than its share of the container, so that our limit acts before the kernel', () => {
  const memory = 1024 ** 3;
  for (const slots of [1, 2, 8]) expect(executorBytes(memory, slots) * slots).toBeLessThan(memory - 96 * 1024 ** 2);
  expect(executorBytes(64 * 1024 ** 2, 4)).toBeGreaterThan(0);
});

test('no value of a secret stands in a pod: by reference, as a file, or not at all', async () => {
  const { cloud, backend } = await setup({
    secrets: {
      redisUrl: { name: 'shop', key: 'redis-url' },
      signingKey: { name: 'shop', key: 'signing-key', file: true },
    },
  });
  const secrets = { ...request().secrets, FLAME_SIGNING_KEY: 'canary-signing-key' };
  await backend.launch(request({ secrets }), never);
  const text = JSON.stringify(cloud.pod(RUNNER));
  expect(text).not.toContain('canary');
  expect(text).toContain('"secretKeyRef":{"name":"shop","key":"redis-url","optional":false}');
  expect(text).toContain('"name":"FLAME_SIGNING_KEY_FILE","value":"/run/secrets/flame/flame-signing-key"');

  const other = {
    runnerId: 'images-abcdef-bbbbbbbbbbbb',
    secrets: { ...secrets, FLAME_ENCRYPTION_KEYS: 'a:canary-key' },
  };
  expect(await failure(backend.launch(request(other), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/FLAME_ENCRYPTION_KEYS would stand in the pod/),
  });
  const copied = { ...request().env, COPY: 'redis://:canary-password@elsewhere' };
  expect(await failure(backend.launch(request({ ...other, secrets, env: copied }), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/FLAME_REDIS_URL, or a part of it, would stand in the pod/),
  });
  expect(cloud.cluster.history).toHaveLength(1);
});

test('a URL without a password is no secret, and `env` passes what it is told to', async () => {
  const open = await setup({ secrets: {} });
  await open.backend.launch(request({ secrets: { FLAME_REDIS_URL: 'redis://redis:6379' } }), never);
  expect(JSON.stringify(open.cloud.pod(RUNNER))).toContain('redis://redis:6379');
  const told = await setup({ secrets: 'env' });
  await told.backend.launch(request(), never);
  expect(JSON.stringify(told.cloud.pod(RUNNER))).toContain('canary-password');
});

test('a template is merged under our fields; a conflict names its path, and nothing is sent', async () => {
  const { cloud, backend } = await setup({
    podTemplate: {
      metadata: { labels: { team: 'media' } },
      spec: {
        nodeSelector: { disk: 'fast' },
        tolerations: [{ key: 'spot', operator: 'Exists' }],
        containers: [
          {
            name: 'runner',
            env: [{ name: 'REGION', value: 'eu' }],
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
          {
            name: 'proxy',
            image: 'proxy:1',
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  });
  await backend.launch(request(), never);
  const { metadata, spec } = cloud.pod(RUNNER);
  expect(metadata.labels).toMatchObject({ team: 'media', 'flame.app': 'shop' });
  expect(spec).toMatchObject({ nodeSelector: { disk: 'fast' }, restartPolicy: 'Never' });
  expect(spec.containers?.map(({ name }) => name)).toEqual(['runner', 'proxy']);
  expect(spec.volumes?.map(({ name }) => name)).toEqual(['tmp', 'data']);

  const clash = await setup({ podTemplate: { spec: { containers: [{ name: 'runner', args: ['sh'] }] } } });
  expect(await failure(clash.backend.launch(request(), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/podTemplate\.spec\.containers\[runner\]\.args is set by Flame/),
  });
  expect(clash.cloud.requests).toEqual([]);
});

test('a field of a template that Kubernetes does not know is refused by the server, not dropped', async () => {
  const { cloud, backend } = await setup({ podTemplate: { spec: { nodeSelektor: { disk: 'fast' } } } });
  expect(await failure(backend.launch(request(), never))).toMatchObject({
    kind: 'invalid',
    message: expect.stringMatching(/unknown field "spec\.nodeSelektor"/),
  });
  expect(cloud.cluster.history).toEqual([]);
});

test('every problem of the options is listed', () => {
  const wrong = {
    image: 'not an image',
    user: '0:0',
    namespace: 'Shop_1',
    memory: '1KB',
    cpus: 0,
    command: [],
    secrets: { password: { name: 'a', key: 'b' } },
    colour: 'red',
  };
  const message =
    /colour: is no option.*image: .*command: .*user: must not be root.*namespace: .*cpus: .*memory: .*secrets\.password/s;
  expect(() => kubernetes(wrong as never)).toThrow(message);
  expect(parseOptions({})).toMatchObject({ serviceAccount: 'flame-runner', owned: false, user: 1_000 });
});

test('a text that is no label is told apart by its hash', () => {
  expect(labelText('v1.2.3')).toBe('v1.2.3');
  for (const text of ['a b', 'x'.repeat(64), '-a', 'a/b']) expect(labelText(text)).toMatch(/^h-[0-9a-f]{32}$/);
  expect(labelText('a b')).not.toBe(labelText('a c'));
});
