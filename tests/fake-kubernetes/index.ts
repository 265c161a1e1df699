/**
 * A strict fake of Kubernetes: an API server over TLS that validates objects against Kubernetes' own document and refuses
 * what the real one refuses, a scheduler, and kubelets that can start real processes. See README.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { Cluster, isFinished, type User } from './cluster.ts';
import { createNodes, type Nodes, type StartContainer } from './nodes.ts';
import { type Server, startServer } from './server.ts';
import type { FakePod } from './types.ts';

export { localPods } from './local-pods.ts';
export type { Exit, Knobs } from './nodes.ts';
export type { FakePod } from './types.ts';

export const TOKEN = 'token-of-the-autoscaler';
export const NAMESPACE = 'shop';

export interface FakeKubernetes
  extends Pick<Server, 'requests' | 'next'>,
    Pick<Nodes, 'knobs' | 'exit' | 'reschedule'> {
  /** A kubeconfig that leads here. */
  readonly kubeconfig: string;
  readonly cluster: Cluster;
  readonly user: User;
  /** Pods that have not ended. */
  alive(): readonly FakePod[];
  pod(name: string): FakePod;
  /** As `kubectl drain` and the cluster's own autoscaler do it. */
  evict(pod: FakePod): Promise<void>;
  /** The machine is gone with its kubelet: its pods stay Terminating for ever. */
  loseNode(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface FakeOptions {
  readonly start?: StartContainer;
  /** How often a watch hears of the present version. Default 1000 ms; the real one says it each minute. */
  readonly bookmarkMs?: number;
}

export const startFakeKubernetes = async ({ start, bookmarkMs = 1_000 }: FakeOptions = {}): Promise<FakeKubernetes> => {
  const folder = mkdtempSync(join(tmpdir(), 'flame-kubernetes-'));
  const certificates = certificatesOf();
  const time = {
    now: () => Date.now(),
    after: (ms: number, fn: () => void) => {
      const timer = setTimeout(fn, ms);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
  const user: User = {
    name: `system:serviceaccount:${NAMESPACE}:flame-autoscaler`,
    rules: [{ resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'delete'] }],
  };
  let cluster: Cluster;
  const nodes = createNodes(() => cluster, time, start);
  cluster = new Cluster({
    time,
    namespace: NAMESPACE,
    serviceAccounts: new Set(['default', 'flame-runner']),
    users: new Map([[TOKEN, user]]),
    quota: undefined,
    admission: undefined,
    bookmarkMs,
    onChange: (pod, what) => nodes.onChange(pod, what),
  });
  const server = await startServer(cluster, certificates);
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(configOf(server.url, certificates.caFile)));
  return {
    kubeconfig,
    cluster,
    user,
    requests: server.requests,
    next: server.next,
    knobs: nodes.knobs,
    exit: nodes.exit,
    reschedule: nodes.reschedule,
    alive: () => [...cluster.pods.values()].filter((pod) => !isFinished(pod)),
    pod(name) {
      const found = cluster.pods.get(name);
      if (found === undefined) throw new Error(`there is no pod ${name}`);
      return found;
    },
    async evict(pod) {
      disrupt(cluster, pod, 'EvictionByEvictionAPI', 'Eviction API: evicting');
      await cluster.end(pod);
    },
    async loseNode(name) {
      nodes.knobs.lostNodes.add(name);
      for (const pod of cluster.pods.values()) {
        if (pod.spec.nodeName !== name) continue;
        disrupt(cluster, pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint');
        await cluster.end(pod);
      }
    },
    async close() {
      await nodes.stopAll();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

let made: Certificates | undefined;

/** One authority for every fake of a test process: making it takes longer than a test. */
const certificatesOf = (): Certificates => {
  if (made !== undefined) return made;
  const folder = mkdtempSync(join(tmpdir(), 'flame-kubernetes-tls-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  made = makeCertificates(folder);
  return made;
};

const disrupt = (cluster: Cluster, pod: FakePod, reason: string, message: string): void =>
  cluster.update(pod, ({ status }) => {
    status.conditions = [...status.conditions, { type: 'DisruptionTarget', status: 'True', reason, message }];
  });

const configOf = (server: string, ca: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'fake', cluster: { server, 'certificate-authority': ca } }],
  users: [{ name: 'autoscaler', user: { token: TOKEN } }],
  contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'autoscaler', namespace: NAMESPACE } }],
  'current-context': 'fake',
});
