/** The scheduler and the kubelets of the fake, with the knobs by which things go wrong. */
import { createHash } from 'node:crypto';
import { type Cluster, isFinished } from './cluster.ts';
import type { FakePod, FakeTime } from './types.ts';

export interface Knobs {
  scheduleMs: number;
  pullMs: number;
  /** Between the first failure of a pull and its back-off. */
  backOffMs: number;
  /** How long an ended container's pod takes to be seen as such. */
  endMs: number;
  /** Pods that the nodes take at once; more are unschedulable until there is room. */
  room: number;
  /** Why an image cannot be pulled. */
  badImage: ((image: string) => string | undefined) | undefined;
  /** Why a container cannot be made: a Secret that is missing. */
  configError: ((pod: FakePod) => string | undefined) | undefined;
  /** Nodes whose kubelets do not answer any more. */
  readonly lostNodes: Set<string>;
}

/** What a container's process is in a test. */
export interface Running {
  /** SIGTERM, then SIGKILL after that long; resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

/** @param exited to be called once, when it ends by itself or was stopped */
export type StartContainer = (pod: FakePod, exited: (exit: Exit) => void) => Running | Promise<Running>;

export interface Exit {
  readonly exitCode: number;
  readonly outOfMemory?: boolean;
  /** What it wrote last. */
  readonly output?: string;
}

export interface Nodes {
  readonly knobs: Knobs;
  onChange(pod: FakePod, what: 'added' | 'leaving' | 'removed'): void;
  /** The container ends as if by itself. */
  exit(pod: FakePod, exit: Exit): void;
  /** More nodes, or smaller pods: what waited is looked at again. */
  reschedule(): void;
  /** Lost nodes are back: what they did not do, they do now. */
  recover(): void;
  stopAll(): Promise<void>;
}

const NODES = ['node-1', 'node-2'] as const;
const NOBODY: Running = { stop: async () => undefined };

export const createNodes = (cluster: () => Cluster, time: FakeTime, start: StartContainer | undefined): Nodes => {
  const running = new Map<string, Running>();
  const stopping = new Set<Promise<void>>();
  const knobs: Knobs = {
    scheduleMs: 5,
    pullMs: 10,
    backOffMs: 20,
    endMs: 5,
    room: Number.POSITIVE_INFINITY,
    badImage: undefined,
    configError: undefined,
    lostNodes: new Set(),
  };
  let turn = 0;

  const isLost = ({ spec }: FakePod): boolean => spec.nodeName !== undefined && knobs.lostNodes.has(spec.nodeName);
  const isThere = (pod: FakePod): boolean => cluster().pods.get(pod.metadata.name) === pod;

  const schedule = (pod: FakePod): void => {
    if (!isThere(pod) || isFinished(pod) || pod.spec.nodeName !== undefined) return;
    const placed = [...cluster().pods.values()].filter(
      (it) => it.spec.nodeName !== undefined && !isFinished(it),
    ).length;
    if (placed >= knobs.room) {
      const message = `0/${NODES.length} nodes are available: ${NODES.length} Insufficient memory.`;
      const waits = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
      if (!pod.status.conditions.some(({ reason }) => reason === 'Unschedulable'))
        cluster().update(pod, ({ status }) => {
          status.conditions = [waits];
        });
      return;
    }
    turn += 1;
    const node = NODES[turn % NODES.length] ?? NODES[0];
    cluster().update(pod, ({ spec, status }) => {
      spec.nodeName = node;
      status.conditions = [{ type: 'PodScheduled', status: 'True' }];
    });
    waiting(pod, 'ContainerCreating');
    time.after(knobs.pullMs, () => pull(pod));
  };

  const waiting = (pod: FakePod, reason: string, message?: string): void =>
    cluster().update(pod, ({ status, spec }) => {
      const state = { waiting: message === undefined ? { reason } : { reason, message } };
      status.containerStatuses = (spec.containers ?? []).map(({ name }) => ({ name, state }));
    });

  const pull = (pod: FakePod): void => {
    if (!isThere(pod) || isFinished(pod) || isLost(pod) || pod.metadata.deletionTimestamp !== undefined) return;
    const image = pod.spec.containers?.find(({ name }) => name === 'runner')?.image ?? '';
    const bad = knobs.badImage?.(image);
    if (bad !== undefined) {
      waiting(pod, 'ErrImagePull', bad);
      time.after(knobs.backOffMs, () => {
        if (!isThere(pod) || isFinished(pod)) return;
        waiting(pod, 'ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${bad}`);
      });
      return;
    }
    const wrong = knobs.configError?.(pod);
    if (wrong !== undefined) {
      waiting(pod, 'CreateContainerConfigError', wrong);
      return;
    }
    run(pod);
  };

  const run = (pod: FakePod): void => {
    cluster().update(pod, ({ status, spec }) => {
      status.phase = 'Running';
      status.containerStatuses = (spec.containers ?? []).map(({ name, image = '' }) => ({
        name,
        // As a registry would have it.
        imageID: `${image.replace(/[:@][^/]*$/, '')}@sha256:${createHash('sha256').update(image).digest('hex')}`,
        state: { running: { startedAt: new Date(time.now()).toISOString() } },
      }));
    });
    const begun = start?.(pod, (exit) => exited(pod, exit)) ?? NOBODY;
    // Without processes it counts as running at once: the model's time is not real.
    if (!(begun instanceof Promise)) running.set(pod.metadata.uid, begun);
    else void begun.then((it) => running.set(pod.metadata.uid, it));
  };

  const exited = (pod: FakePod, { exitCode, outOfMemory, output }: Exit): void => {
    running.delete(pod.metadata.uid);
    if (isLost(pod) || isFinished(pod)) return;
    const reason = outOfMemory ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
    cluster().update(pod, ({ status, spec }) => {
      const sidecars = (spec.containers ?? []).length > 1;
      status.phase = sidecars ? 'Running' : exitCode === 0 ? 'Succeeded' : 'Failed';
      status.containerStatuses = (spec.containers ?? []).map(({ name }) => {
        const it = status.containerStatuses.find((each) => each.name === name) ?? { name, state: {} };
        return name === 'runner'
          ? {
              ...it,
              // As `FallbackToLogsOnError` fills it.
              state: { terminated: { exitCode, reason, ...(exitCode === 0 || !output ? {} : { message: output }) } },
            }
          : it;
      });
    });
    if (pod.metadata.deletionTimestamp !== undefined) time.after(knobs.endMs, () => cluster().remove(pod));
  };

  const stop = (pod: FakePod): void => {
    if (isLost(pod)) return;
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1_000;
    const process = running.get(pod.metadata.uid);
    running.delete(pod.metadata.uid);
    const done = (process ?? NOBODY).stop(graceMs).then(() => {
      stopping.delete(done);
      // One that was never started, or that nothing stands for, is simply gone.
      time.after(knobs.endMs, () => {
        if (!isLost(pod)) cluster().remove(pod);
      });
    });
    stopping.add(done);
  };

  return {
    knobs,
    onChange(pod, what) {
      if (what === 'added') time.after(knobs.scheduleMs, () => schedule(pod));
      if (what === 'leaving') stop(pod);
      if (what !== 'removed') return;
      // By force: the API forgets it, and a kubelet that lives kills it.
      const process = running.get(pod.metadata.uid);
      running.delete(pod.metadata.uid);
      if (process !== undefined && !isLost(pod)) void process.stop(0);
      for (const each of cluster().pods.values()) if (each.spec.nodeName === undefined) schedule(each);
    },
    exit: exited,
    reschedule() {
      for (const pod of cluster().pods.values()) schedule(pod);
    },
    recover() {
      const lost = [...cluster().pods.values()].filter(isLost);
      knobs.lostNodes.clear();
      for (const pod of lost) {
        if (pod.metadata.deletionTimestamp !== undefined) stop(pod);
        else if (pod.status.phase === 'Pending') pull(pod);
      }
    },
    async stopAll() {
      await Promise.all([...running.values()].map((it) => it.stop(0)));
      await Promise.all(stopping);
    },
  };
};
