/** The guide of docs/backends/kubernetes.md, step by step as it stands there: its files, the manifests, and the first call on a pod. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type FakePod, localPods, NAMESPACE, startFakeKubernetes, TOKEN } from './fake-kubernetes/index.ts';
import { startRedis } from './support/redis.ts';
import { waitFor } from './support/wait-for.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BASE = join(ROOT, 'docker/kubernetes/base');
const COMMAND = join(ROOT, 'packages/flamejs/bin/flamejs.js');
// Inside the repository, so that `flamejs` is found as an application finds it.
const folder = join(ROOT, '.cache', `kubernetes-guide-${process.pid}`);
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

interface Manifest {
  readonly kind: string;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
}

const manifest = (file: string, kind: string): Manifest =>
  parseAllDocuments(readFileSync(join(BASE, file), 'utf8'))
    .map((document) => document.toJS() as Manifest)
    .find((it) => it.kind === kind) ?? (expect.unreachable(`${file} has no ${kind}`) as never);

test('five steps lead to the first call on a pod, which has no token and no secret but its own', async () => {
  // Steps 1, 2 and 5: the files of the page.
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "name": "shop", "version": "1.0.0", "type": "module" }');
  const page = readFileSync(join(ROOT, 'docs/backends/kubernetes.md'), 'utf8');
  for (const [, name = '', code = ''] of page.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm))
    writeFileSync(join(folder, name), code);

  // Step 3: the Secret, the Role, and the autoscaler as its Deployment would make it.
  const redis = await startRedis();
  cleanups.push(() => redis.stop());
  const secrets = {
    'flame/redis-url': redis.url,
    'flame/signing-key': 'canary-signing-key-of-the-test',
    'flame/dashboard-token': 'canary-dashboard-token',
  };
  const pids = new Map<string, number>();
  const output: string[] = [];
  const env = { FLAME_TEST_RUN: process.env.FLAME_TEST_RUN ?? '' };
  let kubeconfig = '';
  const isRunner = (pod: FakePod): boolean => pod.metadata.labels?.['app.kubernetes.io/component'] === 'runner';
  const cloud = await startFakeKubernetes({
    start: (pod, exited) =>
      localPods({
        command: ({ spec }) => ({
          file: process.execPath,
          args: [COMMAND, ...(spec.containers?.[0]?.args ?? []).slice(1)],
          cwd: folder,
        }),
        secrets,
        // What a pod with a token finds by itself: the way to the API server.
        env: { ...env, ...(pod.spec.automountServiceAccountToken === true ? { KUBECONFIG: kubeconfig } : {}) },
        onOutput: ({ metadata }, text) => output.push(`${metadata.name}: ${text}`),
        onStart: ({ metadata }, pid) => pids.set(metadata.name, pid),
      })(pod, exited),
  });
  cleanups.push(() => cloud.close());
  kubeconfig = cloud.kubeconfig;
  cloud.user.rules = manifest('rbac.yaml', 'Role').rules ?? [];
  const { template } = manifest('autoscaler.yaml', 'Deployment').spec;
  const serviceAccounts = cloud.cluster.options.serviceAccounts as Set<string>;
  serviceAccounts.add('flame-autoscaler');
  const autoscaler = { ...template, metadata: { ...template.metadata, name: 'flame-autoscaler-0' } };
  const image = { name: 'app', image: 'registry.example.com/shop:42' };
  await cloud.cluster.answer({
    method: 'POST',
    path: `/api/v1/namespaces/${NAMESPACE}/pods`,
    query: new URLSearchParams({ fieldValidation: 'Strict' }),
    body: withImage({ apiVersion: 'v1', kind: 'Pod', ...autoscaler }, image.image),
    token: TOKEN,
  });

  // Steps 4 and 5.
  const call = promisify(execFile)(process.execPath, ['main.mjs'], {
    cwd: folder,
    env: { ...process.env, ...env, FLAME_REDIS_URL: redis.url, FLAME_SIGNING_KEY: secrets['flame/signing-key'] },
    timeout: 150_000,
  });
  const runner = await waitFor(() => cloud.alive().find((pod) => isRunner(pod) && pids.has(pod.metadata.name)), {
    what: 'a runner pod',
    timeoutMs: 120_000,
    found: () => output.slice(-20),
  });
  expect(runner.spec.containers?.[0]?.image).toMatch(/^registry\.example\.com\/shop@sha256:[0-9a-f]{64}$/);
  // From inside: its own secrets, none of the controller's, no token.
  const inside = readFileSync(`/proc/${pids.get(runner.metadata.name)}/environ`, 'utf8')
    .split('\0')
    .sort();
  const names = inside.map((line) => line.split('=')[0]);
  expect(names).toContain('FLAME_REDIS_URL');
  for (const name of ['KUBECONFIG', 'FLAME_POD_NAME', 'FLAME_POD_NAMESPACE', 'FLAME_DASHBOARD_TOKEN'])
    expect(names).not.toContain(name);
  expect(inside.join('\n')).not.toMatch(new RegExp(`${TOKEN}|canary-dashboard-token|serviceaccount`));
  expect(runner.spec.automountServiceAccountToken).toBe(false);
  expect(JSON.stringify(runner)).not.toMatch(/canary|redis:\/\//);

  const { stdout } = await call;
  expect(stdout, output.slice(-20).join('')).toBe('hello world\n');
  await waitFor(() => !cloud.alive().some(isRunner), {
    what: 'the runner to end when it is idle',
    timeoutMs: 60_000,
    found: () => output.slice(-20),
  });
}, 300_000);

const withImage = (pod: object, image: string): unknown =>
  JSON.parse(JSON.stringify(pod).replaceAll('"image":"app"', `"image":"${image}"`));
