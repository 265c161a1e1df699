/**
 * The metadata service of one instance, version 2 only: a GET without a token is refused, and so is a request that came
 * through a proxy. (The hop limit is a matter of IP packets; tests that need it say how many hops they are away.)
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Machine, MachineNotices } from './machine.ts';

export interface MetadataService {
  readonly endpoint: string;
  /** Every request, as `METHOD path status`. */
  readonly requests: readonly string[];
  /** (f) The next requests are not answered. */
  hang(times: number): void;
  close(): Promise<void>;
}

export type Described = Pick<Machine, 'id' | 'type' | 'zone'> & { readonly notices: MachineNotices };

export const startMetadata = async (machine: Described): Promise<MetadataService> => {
  const tokens = new Map<string, number>();
  const requests: string[] = [];
  let hanging = 0;
  const server = createServer((request, response) => {
    if (hanging > 0) {
      hanging -= 1;
      requests.push(`${request.method} ${request.url} -`);
      return;
    }
    const { status, body } = answer(request, machine, tokens);
    requests.push(`${request.method} ${request.url} ${status}`);
    send(response, status, body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hang: (times) => {
      hanging = times;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const MAX_TTL_SECONDS = 21_600;

const answer = (
  request: IncomingMessage,
  machine: Described,
  tokens: Map<string, number>,
): { status: number; body: string } => {
  if (request.headers['x-forwarded-for'] !== undefined) return { status: 403, body: 'Forbidden' };
  const path = request.url ?? '/';
  if (path === '/latest/api/token') {
    if (request.method !== 'PUT') return { status: 405, body: 'Method Not Allowed' };
    const ttl = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']);
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL_SECONDS) return { status: 400, body: 'Bad Request' };
    const token = randomBytes(40).toString('base64');
    tokens.set(token, performance.now() + ttl * 1000);
    return { status: 200, body: token };
  }
  const token = request.headers['x-aws-ec2-metadata-token'];
  const expires = typeof token === 'string' ? tokens.get(token) : undefined;
  if (expires === undefined || expires < performance.now()) return { status: 401, body: 'Unauthorized' };
  if (request.method !== 'GET') return { status: 405, body: 'Method Not Allowed' };
  const content = contents(machine)[path];
  return content === undefined ? { status: 404, body: 'Not Found' } : { status: 200, body: content };
};

const contents = ({ id, type, zone, notices }: Described): Readonly<Record<string, string | undefined>> => ({
  '/latest/meta-data/instance-id': id,
  '/latest/meta-data/instance-type': type,
  '/latest/meta-data/placement/availability-zone': zone,
  '/latest/meta-data/spot/instance-action': json(notices.spotAction),
  '/latest/meta-data/events/recommendations/rebalance': json(notices.rebalance),
});

const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));

const send = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
};
