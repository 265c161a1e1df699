/**
 * A strict fake of the Docker Engine API: the requests that a backend of ours makes, over real HTTP, for the real client.
 * What it does not know it refuses, so that a typing error in a security option does not pass for the option.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Status = 'created' | 'running' | 'exited';

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  /** The body of the create request. */
  readonly spec: CreateBody;
  status: Status;
  exitCode: number;
  /** What it wrote, and whether the kernel ended it for want of memory. */
  output?: string;
  outOfMemory?: boolean;
  readonly createdAt: number;
}

export interface CreateBody {
  readonly Image: string;
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly HostConfig?: Readonly<Record<string, unknown>>;
}

export interface FakeDocker {
  /** For the backend's `host`. */
  readonly host: string;
  readonly containers: ReadonlyMap<string, FakeContainer>;
  readonly images: Set<string>;
  /** Images that a registry has. */
  readonly registry: Set<string>;
  /** `METHOD path status` of every request. */
  readonly requests: readonly string[];
  /** The next request whose `METHOD path` matches is applied and its connection cut, or refused with a status and words. */
  next(pattern: RegExp, fault: 'lost-reply' | number, words?: string): void;
  exit(id: string, code?: number, how?: { readonly output?: string; readonly outOfMemory?: boolean }): void;
  close(): Promise<void>;
}

const BODY = new Set(['Image', 'Cmd', 'User', 'Env', 'Labels', 'StopSignal', 'HostConfig', 'name']);
const HOST_CONFIG = new Set([
  'NetworkMode',
  'Init',
  'RestartPolicy',
  'AutoRemove',
  'Privileged',
  'CapDrop',
  'SecurityOpt',
  'ReadonlyRootfs',
  'Tmpfs',
  'PidsLimit',
  'Memory',
  'MemorySwap',
  'NanoCpus',
  'Binds',
  'ExtraHosts',
]);

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const startFakeDocker = async (): Promise<FakeDocker> => {
  const containers = new Map<string, FakeContainer>();
  const images = new Set(['shop:1']);
  const registry = new Set(['shop:1']);
  const requests: string[] = [];
  const faults: { pattern: RegExp; fault: 'lost-reply' | number; words: string }[] = [];

  const find = (key: string): FakeContainer => {
    const found =
      containers.get(key) ??
      [...containers.values()].find(({ name, id }) => name === key || (key.length >= 12 && id.startsWith(key)));
    if (found === undefined) throw new Refusal(404, `No such container: ${key}`);
    return found;
  };

  const answer = (method: string, url: URL, body: unknown): { status: number; json?: unknown; bytes?: Buffer } => {
    const route = `${method} ${url.pathname.replace(/^\/v[\d.]+/, '')}`;
    if (route === 'GET /_ping') return { status: 200, json: 'OK' };
    if (route === 'POST /containers/create')
      return { status: 201, json: create(url.searchParams.get('name') ?? '', body) };
    if (route === 'GET /containers/json') return { status: 200, json: list(url.searchParams) };
    if (route === 'POST /images/create') {
      const image = [url.searchParams.get('fromImage'), url.searchParams.get('tag')].filter(Boolean).join(':');
      if (!registry.has(image))
        return { status: 200, json: { error: `pull access denied for ${image}`, errorDetail: { message: 'denied' } } };
      images.add(image);
      return { status: 200, json: { status: 'Download complete' } };
    }
    const image = /^GET \/images\/(.+)\/json$/.exec(route)?.[1];
    if (image !== undefined) {
      if (!images.has(decodeURIComponent(image))) throw new Refusal(404, `No such image: ${image}`);
      return { status: 200, json: { Id: 'sha256:1' } };
    }
    const [, key = '', verb] = /^\w+ \/containers\/([^/]+)(?:\/(\w+))?$/.exec(route) ?? [];
    const container = find(decodeURIComponent(key));
    if (method === 'GET' && verb === 'json') return { status: 200, json: inspect(container) };
    if (method === 'GET' && verb === 'logs') return { status: 200, bytes: framed(container.output ?? '') };
    if (method === 'POST' && verb === 'start') {
      if (container.status === 'running') return { status: 304 };
      container.status = 'running';
      return { status: 204 };
    }
    if (method === 'POST' && verb === 'stop') {
      if (container.status !== 'running') return { status: 304 };
      container.status = 'exited';
      container.exitCode = 143;
      return { status: 204 };
    }
    if (method === 'DELETE' && verb === undefined) {
      if (container.status === 'running' && url.searchParams.get('force') !== 'true')
        throw new Refusal(409, 'container is running');
      containers.delete(container.id);
      return { status: 204 };
    }
    throw new Refusal(404, `page not found: ${route}`);
  };

  const create = (name: string, body: unknown): unknown => {
    const spec = body as CreateBody & Record<string, unknown>;
    const unknown = [
      ...Object.keys(spec).filter((it) => !BODY.has(it)),
      ...Object.keys(spec.HostConfig ?? {}).filter((it) => !HOST_CONFIG.has(it)),
    ];
    if (unknown.length > 0) throw new Refusal(400, `unknown fields: ${unknown.join(', ')}`);
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) throw new Refusal(400, `Invalid container name (${name})`);
    if ([...containers.values()].some((it) => it.name === name))
      throw new Refusal(409, `Conflict. The container name "/${name}" is already in use`);
    if (!images.has(spec.Image)) throw new Refusal(404, `No such image: ${spec.Image}`);
    const { RestartPolicy, AutoRemove, Memory } = (spec.HostConfig ?? {}) as {
      RestartPolicy?: { Name: string };
      AutoRemove?: boolean;
      Memory?: number;
    };
    if (AutoRemove === true && RestartPolicy?.Name !== 'no')
      throw new Refusal(400, "can't create 'AutoRemove' container with restart policy");
    if (Memory !== undefined && Memory < 6 * 1024 ** 2) throw new Refusal(400, 'Minimum memory limit allowed is 6MB');
    for (const entry of spec.Env ?? [])
      if (!entry.includes('=')) throw new Refusal(400, `invalid environment variable: ${entry}`);
    const id = randomBytes(32).toString('hex');
    containers.set(id, { id, name, spec, status: 'created', exitCode: 0, createdAt: Date.now() });
    return { Id: id, Warnings: [] };
  };

  const list = (query: URLSearchParams): unknown => {
    const filters = JSON.parse(query.get('filters') ?? '{}') as { label?: readonly string[] };
    for (const name of Object.keys(filters)) if (name !== 'label') throw new Refusal(400, `invalid filter '${name}'`);
    return [...containers.values()]
      .filter(({ status }) => query.get('all') === 'true' || status === 'running')
      .filter(({ spec }) =>
        (filters.label ?? []).every((it) => it.split('=')[1] === spec.Labels?.[it.split('=')[0] ?? '']),
      )
      .map(({ id, name, spec, status, createdAt }) => ({
        Id: id,
        Names: [`/${name}`],
        Image: spec.Image,
        Labels: spec.Labels ?? {},
        State: status,
        Status: status,
        Created: Math.floor(createdAt / 1000),
      }));
  };

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) =>
      response.writeHead(500).end(JSON.stringify({ message: String(error) })),
    );
  });
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://docker');
    const line = `${request.method} ${url.pathname}`;
    const at = faults.findIndex(({ pattern }) => pattern.test(line));
    const { fault, words = '' } = (at < 0 ? undefined : faults.splice(at, 1)[0]) ?? {};
    let status: number;
    let json: unknown;
    let bytes: Buffer | undefined;
    try {
      if (typeof fault === 'number') throw new Refusal(fault, words);
      ({ status, json, bytes } = answer(request.method ?? 'GET', url, text === '' ? {} : JSON.parse(text)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      json = { message: error.message };
    }
    requests.push(`${line} ${fault === 'lost-reply' ? 'lost' : status}`);
    if (fault === 'lost-reply') {
      request.socket.destroy();
      return;
    }
    if (bytes !== undefined) {
      response.writeHead(status, { 'content-type': 'application/vnd.docker.raw-stream' }).end(bytes);
      return;
    }
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(json === undefined ? undefined : JSON.stringify(json));
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    containers,
    images,
    registry,
    requests,
    next: (pattern, fault, words = 'ordered by the test') => {
      faults.push({ pattern, fault, words });
    },
    exit: (id, code = 0, { output, outOfMemory = false } = {}) => {
      const container = find(id);
      if (output !== undefined) container.output = output;
      container.outOfMemory = outOfMemory;
      container.status = 'exited';
      container.exitCode = code;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

/** As the engine frames output of a container without a terminal. */
const framed = (text: string): Buffer => {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = 2;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};

const inspect = ({ id, name, spec, status, exitCode, createdAt, outOfMemory }: FakeContainer): unknown => ({
  Id: id,
  Name: `/${name}`,
  Created: new Date(createdAt).toISOString(),
  Config: { Image: spec.Image, Labels: spec.Labels ?? {}, Env: spec.Env ?? [] },
  State: {
    Status: status,
    Running: status === 'running',
    ExitCode: exitCode,
    OOMKilled: outOfMemory === true,
    Error: '',
  },
});
