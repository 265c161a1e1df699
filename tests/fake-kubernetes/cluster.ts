/** The cluster's state behind the API: pods with versions, what happened to them, who watches, and who may do what. */
import { randomUUID } from 'node:crypto';
import { insecureParts, invalidParts } from './check-pod.ts';
import { Refusal } from './refusal.ts';
import { problemsOf } from './schema.ts';
import type { FakePod, FakeTime, Metadata, Request, WatchEvent, WatchSink } from './types.ts';

export interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export interface User {
  readonly name: string;
  rules: readonly Rule[];
}

export interface ClusterOptions {
  readonly time: FakeTime;
  readonly namespace: string;
  readonly serviceAccounts: ReadonlySet<string>;
  /** By token. */
  readonly users: ReadonlyMap<string, User>;
  /** `count/pods` of a ResourceQuota. */
  quota: number | undefined;
  /** Refuses a pod in words, as an admission webhook would. */
  admission: ((pod: FakePod) => string | undefined) | undefined;
  readonly bookmarkMs: number;
  /** Told of each change, for the scheduler and the kubelets. */
  onChange(pod: FakePod, what: 'added' | 'leaving' | 'removed'): void;
}

interface Watcher {
  readonly sink: WatchSink;
  readonly matches: (pod: FakePod) => boolean;
  readonly bookmarks: boolean;
  stop(): void;
}

export class Cluster {
  readonly pods = new Map<string, FakePod>();
  /** Every pod that ever was, newest state. */
  readonly history: FakePod[] = [];
  readonly objects = new Map<string, unknown>();
  readonly events: { readonly involvedUid: string; readonly reason: string; readonly message: string }[] = [];
  readonly options: ClusterOptions;
  #version = 100;
  #compacted = 0;
  #log: { readonly version: number; readonly type: string; readonly pod: FakePod }[] = [];
  readonly #watchers = new Set<Watcher>();

  constructor(options: ClusterOptions) {
    this.options = options;
  }

  async answer(request: Request): Promise<{ readonly code: number; readonly body: unknown }> {
    const { method, path, query, body } = request;
    const user = this.#authenticate(request.token);
    if (path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' && method === 'POST')
      return { code: 201, body: await this.#review(user, body) };
    const [, group = '', namespace = '', resource = '', name] =
      /^\/(api\/v1|apis\/apps\/v1)\/namespaces\/([^/]+)\/(\w+)(?:\/([^/]+))?$/.exec(path) ?? [];
    if (group === '') throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
    const verb = verbOf(method, name !== undefined, query);
    this.authorize(user, verb, resource, namespace);
    if (namespace !== this.options.namespace) throw new Refusal(404, 'NotFound', `namespaces "${namespace}" not found`);
    if (resource === 'pods') {
      if (verb === 'create') return { code: 201, body: await this.#create(body, query) };
      if (verb === 'list') return { code: 200, body: this.#list(query) };
      if (verb === 'get') return { code: 200, body: copy(this.#find(name ?? '')) };
      if (verb === 'patch') return { code: 200, body: this.#patch(name ?? '', body) };
      if (verb === 'delete') return { code: 200, body: await this.#delete(name ?? '', body) };
    }
    if (resource === 'events' && verb === 'list') return { code: 200, body: this.#listEvents(query) };
    const object = this.objects.get(`${resource}/${name}`);
    if (verb === 'get' && object !== undefined) return { code: 200, body: object };
    throw new Refusal(404, 'NotFound', `${resource} "${name}" not found`);
  }

  authenticate(token: string): User {
    return this.#authenticate(token);
  }

  authorize(user: User, verb: string, resource: string, namespace: string): void {
    if (allows(user, verb, resource)) return;
    const message = `${resource} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "" in the namespace "${namespace}"`;
    throw new Refusal(403, 'Forbidden', message);
  }

  /** @returns what ends it */
  watch(query: URLSearchParams, sink: WatchSink): () => void {
    const { time, bookmarkMs } = this.options;
    const from = Number(query.get('resourceVersion') ?? '0');
    const matches = selects(query.get('labelSelector'));
    if (from < this.#compacted) {
      const gone = new Refusal(410, 'Expired', `too old resource version: ${from} (${this.#compacted})`);
      sink.push({ type: 'ERROR', object: gone.status });
      sink.end();
      return () => undefined;
    }
    const timers: (() => void)[] = [];
    const watcher: Watcher = {
      sink,
      matches,
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      stop: () => {
        this.#watchers.delete(watcher);
        for (const stop of timers) stop();
      },
    };
    for (const { version, type, pod } of this.#log)
      if (version > from && matches(pod)) sink.push({ type, object: pod });
    this.#watchers.add(watcher);
    const bookmark = (): void => {
      if (watcher.bookmarks) sink.push(this.#bookmark());
    };
    const again = (): void => {
      bookmark();
      timers.push(time.after(bookmarkMs, again));
    };
    timers.push(time.after(bookmarkMs, again));
    const seconds = Number(query.get('timeoutSeconds') ?? '1800');
    timers.push(
      time.after(seconds * 1_000, () => {
        bookmark();
        watcher.stop();
        sink.end();
      }),
    );
    return watcher.stop;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  cutWatches(): void {
    for (const watcher of [...this.#watchers]) {
      watcher.stop();
      watcher.sink.end(true);
    }
  }

  /** What happened before now is forgotten: a watch from an older version is answered 410. */
  compact(): void {
    this.#version += 1;
    this.#compacted = this.#version;
    this.#log = [];
  }

  /** A change of a pod by the scheduler or a kubelet. */
  update(pod: FakePod, change: (pod: FakePod) => void): void {
    if (this.pods.get(pod.metadata.name) !== pod) return;
    change(pod);
    this.#changed('MODIFIED', pod);
  }

  remove(pod: FakePod): void {
    if (this.pods.get(pod.metadata.name) !== pod) return;
    this.pods.delete(pod.metadata.name);
    this.#changed('DELETED', pod);
    this.options.onChange(pod, 'removed');
  }

  /** As the eviction API, preemption and the garbage collector do it. */
  async end(pod: FakePod, seconds?: number): Promise<void> {
    const grace = seconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    const began = pod.metadata.deletionTimestamp !== undefined;
    if (grace === 0 || pod.spec.nodeName === undefined || isFinished(pod)) {
      this.remove(pod);
      return;
    }
    if (began) return;
    pod.metadata.deletionTimestamp = new Date(this.options.time.now() + grace * 1_000).toISOString();
    pod.metadata.deletionGracePeriodSeconds = grace;
    this.#changed('MODIFIED', pod);
    this.options.onChange(pod, 'leaving');
  }

  #authenticate(token: string): User {
    const user = this.options.users.get(token);
    if (user === undefined) throw new Refusal(401, 'Unauthorized', 'Unauthorized');
    return user;
  }

  async #review(user: User, body: unknown): Promise<unknown> {
    await strict(body);
    const { spec } = body as { spec: { resourceAttributes?: { verb?: string; resource?: string } } };
    const { verb = '', resource = '' } = spec.resourceAttributes ?? {};
    return { ...(body as object), status: { allowed: allows(user, verb, resource) } };
  }

  async #create(body: unknown, query: URLSearchParams): Promise<unknown> {
    // Without it the real one drops unknown fields with a warning; nothing of ours may rely on that.
    if (query.get('fieldValidation') !== 'Strict')
      throw new Refusal(400, 'BadRequest', 'fieldValidation is not Strict');
    await strict(body);
    const { metadata, spec } = structuredClone(body) as { metadata: Partial<Metadata>; spec: FakePod['spec'] };
    const { time, namespace, serviceAccounts, admission, quota } = this.options;
    const pod: FakePod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        ...metadata,
        name: metadata.name ?? '',
        namespace,
        uid: randomUUID(),
        resourceVersion: '0',
        creationTimestamp: new Date(time.now()).toISOString(),
      },
      spec: { terminationGracePeriodSeconds: 30, restartPolicy: 'Always', ...spec },
      status: { phase: 'Pending', conditions: [], containerStatuses: [] },
    };
    const { name } = pod.metadata;
    const account = pod.spec.serviceAccountName ?? 'default';
    if (!serviceAccounts.has(account)) {
      const message = `pods "${name}" is forbidden: error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`;
      throw new Refusal(403, 'Forbidden', message);
    }
    const invalid = invalidParts(pod);
    if (invalid.length > 0) throw new Refusal(422, 'Invalid', `Pod "${name}" is invalid: ${invalid.join(', ')}`);
    const insecure = insecureParts(pod);
    if (insecure.length > 0) {
      const message = `pods "${name}" is forbidden: violates PodSecurity "restricted:latest": ${insecure.join(', ')}`;
      throw new Refusal(403, 'Forbidden', message);
    }
    const denied = admission?.(pod);
    if (denied !== undefined)
      throw new Refusal(403, 'Forbidden', `admission webhook "policy.example.com" denied the request: ${denied}`);
    // Before the store is looked at, as in the real one: a pod that is there already is refused too.
    const used = [...this.pods.values()].filter((it) => !isFinished(it)).length;
    if (quota !== undefined && used >= quota) {
      const message = `pods "${name}" is forbidden: exceeded quota: runners, requested: pods=1, used: pods=${used}, limited: pods=${quota}`;
      throw new Refusal(403, 'Forbidden', message);
    }
    if (this.pods.has(name)) throw new Refusal(409, 'AlreadyExists', `pods "${name}" already exists`);
    this.pods.set(name, pod);
    this.history.push(pod);
    this.#changed('ADDED', pod);
    const made = copy(pod);
    this.options.onChange(pod, 'added');
    return made;
  }

  #list(query: URLSearchParams): unknown {
    const matches = selects(query.get('labelSelector'));
    const all = [...this.pods.values()].filter(matches).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const limit = Number(query.get('limit') ?? '0') || all.length;
    const token = query.get('continue');
    let after = '';
    if (token !== null) {
      const [version = '0', name = ''] = Buffer.from(token, 'base64url').toString().split(' ');
      if (Number(version) < this.#compacted)
        throw new Refusal(410, 'Expired', 'The provided continue parameter is too old');
      after = name;
    }
    const rest = all.filter(({ metadata }) => metadata.name > after);
    const items = rest.slice(0, limit);
    const last = items.at(-1);
    const next =
      rest.length > items.length && last !== undefined
        ? { continue: Buffer.from(`${this.#version} ${last.metadata.name}`).toString('base64url') }
        : {};
    return {
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(this.#version), ...next },
      items: items.map(copy),
    };
  }

  #listEvents(query: URLSearchParams): unknown {
    const fields = new Map(
      (query.get('fieldSelector') ?? '').split(',').map((part) => part.split('=') as [string, string]),
    );
    const items = this.events.filter(
      ({ involvedUid, reason }) => involvedUid === fields.get('involvedObject.uid') && reason === fields.get('reason'),
    );
    return { kind: 'EventList', apiVersion: 'v1', metadata: {}, items };
  }

  #find(name: string): FakePod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Refusal(404, 'NotFound', `pods "${name}" not found`);
    return pod;
  }

  async #delete(name: string, body: unknown): Promise<unknown> {
    if (body !== undefined) await strict(body);
    const { preconditions, gracePeriodSeconds } = (body ?? {}) as {
      preconditions?: { uid?: string };
      gracePeriodSeconds?: number;
    };
    const pod = this.#find(name);
    if (preconditions?.uid !== undefined && preconditions.uid !== pod.metadata.uid) {
      const message = `Operation cannot be fulfilled on Pod "${name}": Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${pod.metadata.uid}`;
      throw new Refusal(409, 'Conflict', message);
    }
    await this.end(pod, gracePeriodSeconds);
    return copy(pod);
  }

  #changed(type: string, pod: FakePod): void {
    this.#version += 1;
    pod.metadata.resourceVersion = String(this.#version);
    const object = copy(pod);
    this.#log.push({ version: this.#version, type, pod: object });
    for (const watcher of this.#watchers) if (watcher.matches(object)) watcher.sink.push({ type, object });
  }

  /** A merge patch, of annotations: that is all that is sent. */
  #patch(name: string, body: unknown): FakePod {
    const pod = this.#find(name);
    const { metadata, ...rest } = body as { readonly metadata?: { readonly annotations?: Record<string, unknown> } };
    const { annotations = {}, ...others } = metadata ?? {};
    if (Object.keys({ ...rest, ...others }).length > 0)
      throw new Refusal(422, 'Invalid', `Pod "${name}" is invalid: the fake patches annotations only`);
    for (const [key, value] of Object.entries(annotations)) {
      if (typeof value !== 'string')
        throw new Refusal(400, 'BadRequest', `annotations.${key}: cannot unmarshal into string`);
      if (key === DELETION_COST && !/^(0|-?[1-9]\d{0,9})$/.test(value))
        throw new Refusal(
          422,
          'Invalid',
          `metadata.annotations[${key}]: Invalid value: "${value}": must be a 32bit integer`,
        );
    }
    this.update(pod, ({ metadata: own }) => {
      own.annotations = { ...own.annotations, ...(annotations as Record<string, string>) };
    });
    return copy(pod);
  }

  #bookmark(): WatchEvent {
    const metadata = { resourceVersion: String(this.#version), creationTimestamp: null };
    return { type: 'BOOKMARK', object: { kind: 'Pod', apiVersion: 'v1', metadata } };
  }
}

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

export const isFinished = ({ status }: FakePod): boolean => status.phase === 'Succeeded' || status.phase === 'Failed';

const strict = async (body: unknown): Promise<void> => {
  const problems = await problemsOf(body);
  if (problems.length > 0) throw new Refusal(400, 'BadRequest', `strict decoding error: ${problems.join(', ')}`);
};

const allows = ({ rules }: User, verb: string, resource: string): boolean =>
  rules.some(({ resources, verbs }) => resources.includes(resource) && verbs.includes(verb));

const verbOf = (method: string, named: boolean, query: URLSearchParams): string => {
  if (method === 'POST' && !named) return 'create';
  if (method === 'DELETE' && named) return 'delete';
  if (method === 'PATCH' && named) return 'patch';
  if (method === 'GET') return named ? 'get' : query.get('watch') === 'true' ? 'watch' : 'list';
  throw new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
};

/** Equality, which is all that is sent. */
const selects = (selector: string | null): ((pod: FakePod) => boolean) => {
  const wanted = (selector ?? '').split(',').filter((part) => part !== '');
  const pairs = wanted.map((part) => {
    const [, key = '', value = ''] = /^([^=!]+)=([^=!]*)$/.exec(part) ?? [];
    if (key === '') throw new Refusal(400, 'BadRequest', `unable to parse requirement: ${part}`);
    return [key, value] as const;
  });
  return ({ metadata }) => pairs.every(([key, value]) => metadata.labels?.[key] === value);
};

const copy = <T>(value: T): T => structuredClone(value);
