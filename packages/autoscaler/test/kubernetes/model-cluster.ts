/**
 * The real backend on the fake cluster, in the model's time: what a watch delays, a node does not do and a server refuses,
 * with the truth beside it. Only the connection between the two is left out.
 */
import { Cluster, isFinished, type User } from '../../../../tests/fake-kubernetes/cluster.ts';
import { createNodes, type Nodes } from '../../../../tests/fake-kubernetes/nodes.ts';
import { Refusal } from '../../../../tests/fake-kubernetes/refusal.ts';
import type { FakePod, FakeTime } from '../../../../tests/fake-kubernetes/types.ts';
import { type Api, ApiError, type ApiRequest, type WatchEvent } from '../../src/backends/kubernetes/api.ts';
import { createBackend } from '../../src/backends/kubernetes/backend.ts';
import { parseOptions } from '../../src/backends/kubernetes/parse-options.ts';
import { podSpec } from '../../src/backends/kubernetes/pod-spec.ts';
import { sleepOn, type Time } from '../../src/backends/kubernetes/time.ts';
import { FOREIGN, type Machine, type ModelBackend, type ModelBackendOptions } from '../model/model-backend.ts';
import type { VirtualClock } from '../model/virtual-clock.ts';

const TOKEN = 'model';
const APP = 'model';
const EPOCH = 1_700_000_000_000;
const BOOKMARK_MS = 20_000;
/** A server that takes its time, within what the client waits. */
const LATE_MS = 8_000;
const REQUEST_MS = 10_000;
const VERBS = ['get', 'list', 'watch', 'create', 'delete'];
const SETTINGS = parseOptions({ image: 'registry.example.com/shop:1', namespace: 'shop' });

type Faults = ModelBackend['faults'];

/** One process on one node, as the model's world knows machines. */
class PodMachine implements Machine {
  readonly id: string;
  readonly runnerId: string;
  readonly visibleAt = 0;
  terminateAskedAt: number | null = null;
  launchedAt = Number.POSITIVE_INFINITY;
  readonly pod: FakePod;
  #goneAt: number | null = null;
  readonly #exit: (inMs: number) => void;
  readonly #now: () => number;

  constructor(pod: FakePod, now: () => number, exit: (inMs: number) => void) {
    this.pod = pod;
    this.id = `${pod.metadata.name}@${pod.metadata.uid}`;
    this.runnerId = pod.metadata.name;
    this.#now = now;
    this.#exit = exit;
  }

  get goneAt(): number | null {
    return this.#goneAt;
  }

  /** Its process ends then, and its kubelet says so. */
  set goneAt(at: number | null) {
    if (at === null || this.#goneAt !== null) return;
    this.#goneAt = at;
    this.#exit(at - this.#now());
  }

  ended(): void {
    this.#goneAt ??= this.#now();
  }
}

export const modelCluster = (options: ModelBackendOptions): ModelBackend => {
  const { clock } = options;
  const time = timeOf(clock);
  const machines = new Map<string, PodMachine>();
  const faults: Faults = { launch: 'none', list: 'none', terminate: 'none', listLagMs: 0 };
  const user: User = { name: 'model', rules: [{ resources: ['pods'], verbs: VERBS }] };

  const cluster: Cluster = new Cluster({
    time,
    namespace: 'shop',
    serviceAccounts: new Set(['flame-runner']),
    users: new Map([[TOKEN, user]]),
    quota: undefined,
    admission: undefined,
    bookmarkMs: BOOKMARK_MS,
    onChange(pod, what) {
      if (what === 'added') added(pod);
      if (what === 'removed') machineOf(pod)?.ended();
      nodes.onChange(pod, what);
    },
  });
  const nodes: Nodes = createNodes(
    () => cluster,
    time,
    (pod, exited) => {
      const machine = machineOf(pod);
      if (machine !== undefined) machine.launchedAt = clock.mono();
      return {
        async stop() {
          machine?.ended();
          exited({ exitCode: 143 });
        },
      };
    },
  );
  const machineOf = (pod: FakePod): PodMachine | undefined => machines.get(`${pod.metadata.name}@${pod.metadata.uid}`);
  const added = (pod: FakePod): void => {
    const machine = new PodMachine(pod, clock.mono, (inMs) => {
      clock.after(inMs, () => nodes.exit(pod, { exitCode: 0 }));
    });
    machines.set(machine.id, machine);
    if (machine.runnerId !== FOREIGN) options.onMachine(machine);
  };

  const inner = createBackend(
    SETTINGS,
    memoryApi({ cluster, nodes, faults, clock, machineOf, options }),
    backendTime(clock),
    {},
  );
  const self: ModelBackend = {
    name: 'kubernetes',
    defaults: options.defaults,
    machines,
    living: () =>
      [...machines.values()].filter(
        ({ runnerId, pod }) => runnerId !== FOREIGN && cluster.pods.get(runnerId) === pod && !isFinished(pod),
      ),
    end(machine) {
      machine.goneAt ??= clock.mono();
    },
    faults: new Proxy(faults, {
      set(target, name, value) {
        Object.assign(target, { [name]: value });
        if (name === 'launch') {
          cluster.options.quota = value === 'quota' ? 0 : undefined;
          user.rules = [{ resources: ['pods'], verbs: VERBS.filter((verb) => value !== 'auth' || verb !== 'create') }];
          nodes.knobs.room = value === 'capacity' ? 0 : Number.POSITIVE_INFINITY;
          nodes.reschedule();
        }
        if (name === 'terminate') {
          nodes.knobs.endMs = value === 'slow' ? 20_000 : 5;
          if (value !== 'ignored') nodes.recover();
        }
        if (name === 'list' && value === 'fails') cluster.cutWatches();
        return true;
      },
    }),
    calls: { launch: 0, list: 0, terminate: 0 },
    launch(request, signal) {
      self.calls.launch += 1;
      options.onLaunchCall(request);
      return inner.launch(request, signal);
    },
    list(_, signal) {
      self.calls.list += 1;
      return inner.list(APP, signal);
    },
    terminate(ids, signal, known) {
      self.calls.terminate += 1;
      return inner.terminate(ids, signal, known);
    },
  };
  const foreign = {
    app: APP,
    pool: 'work',
    runnerId: FOREIGN,
    attempt: 1,
    release: 'r1',
    maxConcurrency: 1,
    env: {},
    secrets: {},
  };
  const base = { image: 'registry.example.com/shop:1', pullSecrets: [], owner: undefined };
  void post(cluster, podSpec(foreign, SETTINGS, base));
  return self;
};

const post = (cluster: Cluster, body: unknown): Promise<unknown> => {
  const query = new URLSearchParams({ fieldValidation: 'Strict' });
  return cluster.answer({ method: 'POST', path: '/api/v1/namespaces/shop/pods', query, body, token: TOKEN });
};

interface Parts {
  readonly cluster: Cluster;
  readonly nodes: Nodes;
  readonly faults: Faults;
  readonly clock: VirtualClock;
  readonly options: ModelBackendOptions;
  machineOf(pod: FakePod): PodMachine | undefined;
}

const memoryApi = ({ cluster, nodes, faults, clock, options, machineOf }: Parts): Api => {
  const perform = async ({ method, path, query = {}, body }: ApiRequest): Promise<unknown> => {
    try {
      const asked = { method, path, query: new URLSearchParams(query), token: TOKEN, body: structuredClone(body) };
      return (await cluster.answer(asked)).body;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new ApiError(error.message, { code: error.code, reason: error.reason, message: error.message });
    }
  };
  const refuse = (code: number, reason: string): never => {
    throw new ApiError(reason, { code, reason, message: reason });
  };
  const create = async (request: ApiRequest, signal: AbortSignal): Promise<unknown> => {
    switch (faults.launch) {
      case 'lost':
        await perform(request).catch(() => undefined);
        throw new ApiError('the connection broke');
      case 'dropped':
        throw new ApiError('the connection broke');
      case 'hangs':
        await perform(request).catch(() => undefined);
        return unanswered(clock, signal);
      case 'late':
        // A request whose connection is gone is not carried out any more.
        await sleepOn(clock, LATE_MS, signal);
        return perform(request);
      case 'throttled':
        return refuse(429, 'TooManyRequests');
      default:
        return perform(request);
    }
  };
  const remove = (request: ApiRequest): Promise<unknown> => {
    if (faults.terminate === 'fails') return Promise.reject(new ApiError('failed', { code: 500, message: 'failed' }));
    const pod = cluster.pods.get(request.path.split('/').at(-1) ?? '');
    const machine = pod === undefined ? undefined : machineOf(pod);
    if (pod !== undefined && machine !== undefined && !isFinished(pod) && machine.terminateAskedAt === null) {
      options.onTerminate(machine);
      machine.terminateAskedAt = clock.mono();
    }
    if (faults.terminate === 'ignored' && pod?.spec.nodeName !== undefined)
      nodes.knobs.lostNodes.add(pod.spec.nodeName);
    return perform(request);
  };
  return {
    namespace: async () => 'shop',
    send(request, signal) {
      if (request.method === 'POST') return create(request, signal);
      if (request.method === 'DELETE') return remove(request);
      if (faults.list === 'fails') return Promise.reject(new ApiError('no list', { code: 500, message: 'no list' }));
      return faults.list === 'hangs' ? unanswered(clock, signal) : perform(request);
    },
    async *watch(_, query, signal) {
      if (faults.list === 'fails') refuse(500, 'InternalError');
      const queue: WatchEvent[] = [];
      const connection: { state: 'open' | 'ended' | 'broken' } = { state: 'open' };
      let wake = (): void => undefined;
      const later = (fn: () => void): void => {
        // What was sent later arrives later.
        const at = Math.max(due, clock.mono() + faults.listLagMs);
        due = at;
        clock.after(at - clock.mono(), () => {
          fn();
          wake();
        });
      };
      let due = 0;
      let dead = false;
      const stop = cluster.watch(new URLSearchParams({ ...query, watch: 'true' }), {
        push: (event) => {
          // A connection that has lost something is dead: nothing comes on it any more.
          dead ||= faults.list === 'hangs';
          if (!dead) later(() => queue.push(event as WatchEvent));
        },
        end: (broken) => later(() => (connection.state = broken ? 'broken' : 'ended')),
      });
      const abort = (): void => wake();
      signal.addEventListener('abort', abort, { once: true });
      try {
        for (;;) {
          for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
          if (signal.aborted) throw new ApiError('aborted');
          if (connection.state === 'broken') throw new ApiError('cut');
          if (connection.state === 'ended') return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        signal.removeEventListener('abort', abort);
        stop();
      }
    },
    close: () => undefined,
  };
};

/** As the client bounds it: no answer within its time is no answer. */
const unanswered = async (clock: VirtualClock, signal: AbortSignal): Promise<never> => {
  await sleepOn(clock, REQUEST_MS, signal).catch(() => undefined);
  throw new ApiError('no answer in time');
};

const timeOf = (clock: VirtualClock): FakeTime => ({
  now: () => EPOCH + clock.mono(),
  after: (ms, fn) => clock.after(ms, fn),
});

const backendTime = (clock: VirtualClock): Time => ({
  now: () => clock.mono(),
  after: (ms, fn) => clock.after(ms, fn),
  sleep: (ms, signal) => sleepOn(clock, ms, signal),
});
