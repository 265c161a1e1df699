/** A strict fake of the Fly Machines API: what our backend sends, over real HTTP, refusing what it does not know. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const FLY_TOKEN = 'fly-token-of-the-fake';

export interface FakeMachine {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly metadata?: Readonly<Record<string, string>> };
  state: string;
  events?: readonly unknown[];
  readonly created_at: string;
}

export interface FakeFly {
  readonly endpoint: string;
  readonly machines: ReadonlyMap<string, FakeMachine>;
  /** `METHOD path status`. */
  readonly requests: readonly string[];
  /** Machines that a region can still take; missing means plenty. */
  readonly capacity: Map<string, number>;
  next(method: string, fault: 'lost-reply' | { readonly status: number; readonly error: string }): void;
  /** The machine's program ends; `auto_destroy` destroys it. */
  exit(id: string, exit?: { readonly exit_code: number; readonly oom_killed?: boolean }): void;
  close(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const BODY = new Set(['name', 'region', 'config', 'skip_launch', 'lease_ttl']);
const CONFIG = new Set([
  'image',
  'guest',
  'init',
  'env',
  'restart',
  'auto_destroy',
  'services',
  'metadata',
  'stop_config',
]);
const REGIONS = new Set(['fra', 'ams', 'iad', 'cdg']);

export const startFakeFly = async (app = 'shop-fly'): Promise<FakeFly> => {
  const machines = new Map<string, FakeMachine>();
  const requests: string[] = [];
  const capacity = new Map<string, number>();
  const faults: { method: string; fault: 'lost-reply' | { readonly status: number; readonly error: string } }[] = [];

  const create = (body: unknown): FakeMachine => {
    const { name, region, config, ...rest } = body as Record<string, unknown> & {
      name?: string;
      region?: string;
      config?: FakeMachine['config'];
    };
    const unknown = [
      ...Object.keys(rest).filter((it) => !BODY.has(it)),
      ...Object.keys(config ?? {}).filter((it) => !CONFIG.has(it)),
    ];
    if (unknown.length > 0) throw new Refusal(400, `unknown fields: ${unknown.join(', ')}`);
    if (typeof config?.image !== 'string' || config.image === '') throw new Refusal(400, 'config.image is required');
    if (region === undefined || !REGIONS.has(region)) throw new Refusal(400, `unknown region: ${region}`);
    if (name === undefined || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
      throw new Refusal(400, `invalid machine name: ${name}`);
    const guest = config.guest as { cpu_kind?: string; cpus?: number; memory_mb?: number } | undefined;
    if (guest?.memory_mb !== undefined && guest.memory_mb % 256 !== 0)
      throw new Refusal(422, 'memory_mb must be a multiple of 256');
    for (const value of Object.values((config.env ?? {}) as Record<string, unknown>))
      if (typeof value !== 'string') throw new Refusal(400, 'env values must be strings');
    const taken = [...machines.values()].find((it) => it.name === name && it.state !== 'destroyed');
    if (taken !== undefined)
      throw new Refusal(
        409,
        `already_exists: unique machine name violation, machine ID ${taken.id} already exists with name "${name}"`,
      );
    const left = capacity.get(region);
    if (left === 0) throw new Refusal(422, `insufficient resources available to fulfill request in ${region}`);
    if (left !== undefined) capacity.set(region, left - 1);
    const machine: FakeMachine = {
      id: randomBytes(7).toString('hex'),
      name,
      region,
      config,
      state: 'created',
      created_at: new Date().toISOString(),
    };
    machines.set(machine.id, machine);
    setTimeout(() => {
      if (machine.state === 'created') machine.state = 'started';
    }, 20).unref();
    return machine;
  };

  const list = (query: URLSearchParams): readonly FakeMachine[] => {
    for (const key of query.keys())
      if (!/^(include_deleted|region|state|metadata\.\w+)$/.test(key)) throw new Refusal(400, `unknown query: ${key}`);
    return [...machines.values()].filter(
      ({ state, config }) =>
        (state !== 'destroyed' || query.get('include_deleted') === 'true') &&
        [...query].every(([key, value]) => !key.startsWith('metadata.') || config.metadata?.[key.slice(9)] === value),
    );
  };

  const answer = (method: string, url: URL, body: unknown): { status: number; json: unknown } => {
    const [, named, id] = /^\/v1\/apps\/([^/]+)\/machines(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (named !== app) throw new Refusal(404, `app not found: ${named}`);
    if (method === 'POST' && id === undefined) return { status: 200, json: create(body) };
    if (method === 'GET' && id === undefined) return { status: 200, json: list(url.searchParams) };
    if (method === 'GET' && id !== undefined) {
      const machine = machines.get(id);
      if (machine === undefined) throw new Refusal(404, `machine not found: ${id}`);
      return { status: 200, json: machine };
    }
    if (method === 'DELETE' && id !== undefined) {
      const machine = machines.get(id);
      if (machine === undefined || machine.state === 'destroyed') throw new Refusal(404, `machine not found: ${id}`);
      if (url.searchParams.get('force') !== 'true' && machine.state === 'started')
        throw new Refusal(412, 'failed_precondition: machine is running');
      machine.state = 'destroyed';
      return { status: 200, json: { ok: true } };
    }
    throw new Refusal(404, 'not found');
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? 'GET';
    const url = new URL(request.url ?? '/', 'http://fly');
    const at = faults.findIndex((it) => it.method === method);
    const fault = at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
    let status: number;
    let json: unknown;
    try {
      if (request.headers.authorization !== `Bearer ${FLY_TOKEN}`) throw new Refusal(401, 'unauthenticated');
      if (typeof fault === 'object') throw new Refusal(fault.status, fault.error);
      const text = Buffer.concat(chunks).toString('utf8');
      ({ status, json } = answer(method, url, text === '' ? {} : JSON.parse(text)));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      json = { error: error.message };
    }
    requests.push(`${method} ${url.pathname}${url.search} ${fault === 'lost-reply' ? 'lost' : status}`);
    if (fault === 'lost-reply') request.socket.destroy();
    else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  };
  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) =>
      response.writeHead(500).end(JSON.stringify({ error: String(error) })),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    machines,
    requests,
    capacity,
    next: (method, fault) => {
      faults.push({ method, fault });
    },
    exit: (id, exit) => {
      const machine = machines.get(id);
      if (machine !== undefined && exit !== undefined)
        machine.events = [{ type: 'exit', status: 'stopped', request: { exit_event: exit } }, { type: 'start' }];
      if (machine !== undefined) machine.state = machine.config.auto_destroy === true ? 'destroyed' : 'stopped';
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
