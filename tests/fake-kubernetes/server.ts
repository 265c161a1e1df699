/** The API over HTTPS: one handler for the fake's cluster, with faults on the way. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificates } from '../support/certificates.ts';
import type { Cluster } from './cluster.ts';
import { Refusal } from './refusal.ts';
import type { Request } from './types.ts';

export type Fault =
  /** It is done, and nobody hears of it. */
  | 'lost-reply'
  /** It is not done, and nobody hears of that. */
  | 'dropped'
  | { readonly code: number; readonly reason: string; readonly message: string; readonly retryAfter?: number };

export interface Server {
  readonly url: string;
  /** `VERB path code`, in order; watches when they begin. */
  readonly requests: string[];
  /** The next request that matches meets it. @param method of HTTP, or `WATCH` */
  next(method: string, fault: Fault, times?: number): void;
  close(): Promise<void>;
}

const MOST_BYTES = 3 * 1024 ** 2;

export const startServer = async (cluster: Cluster, certificates: Certificates): Promise<Server> => {
  const requests: string[] = [];
  const faults: { method: string; fault: Fault; times: number }[] = [];
  const takeFault = (method: string): Fault | undefined => {
    const found = faults.find((it) => it.method === method && it.times > 0);
    if (found === undefined) return undefined;
    found.times -= 1;
    return found.fault;
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await read(incoming);
    const watching = request.query.get('watch') === 'true';
    const fault = takeFault(watching ? 'WATCH' : request.method);
    const note = (code: number | string): void => {
      requests.push(`${watching ? 'WATCH' : request.method} ${request.path} ${code}`);
    };
    try {
      if (fault === 'dropped') {
        note('dropped');
        incoming.socket.destroy();
        return;
      }
      if (typeof fault === 'object') throw new Refusal(fault.code, fault.reason, fault.message, fault.retryAfter);
      if (watching) {
        watch(cluster, request, response);
        note(200);
        return;
      }
      const { code, body } = await cluster.answer(request);
      note(fault === 'lost-reply' ? 'lost' : code);
      if (fault === 'lost-reply') incoming.socket.destroy();
      else response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal(500, 'InternalError', `the fake broke: ${String(error)}`);
      note(refusal.code);
      const retry = refusal.retryAfter === undefined ? {} : { 'retry-after': String(refusal.retryAfter) };
      response
        .writeHead(refusal.code, { 'content-type': 'application/json', ...retry })
        .end(JSON.stringify(refusal.status));
    }
  };

  const tls = { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) };
  const server = createServer(tls, (incoming, response) => void handle(incoming, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    next: (method, fault, times = 1) => void faults.push({ method, fault, times }),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const read = async (incoming: IncomingMessage): Promise<Request> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks);
  if (text.length > MOST_BYTES) throw new Refusal(413, 'RequestEntityTooLarge', 'limit is 3145728');
  const url = new URL(incoming.url ?? '/', 'https://kubernetes');
  const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
  const method = incoming.method ?? 'GET';
  if (text.length === 0) return { method, path: url.pathname, query: url.searchParams, token };
  const expected = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  if (incoming.headers['content-type'] !== expected)
    throw new Refusal(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
  const body: unknown = JSON.parse(text.toString('utf8'));
  return { method, path: url.pathname, query: url.searchParams, token, body };
};

const watch = (cluster: Cluster, { path, query, token }: Request, response: ServerResponse): void => {
  const namespace = /^\/api\/v1\/namespaces\/([^/]+)\/pods$/.exec(path)?.[1];
  if (namespace === undefined) throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
  cluster.authorize(cluster.authenticate(token), 'watch', 'pods', namespace);
  response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  const stop = cluster.watch(query, {
    push: (event) => void response.write(`${JSON.stringify(event)}\n`),
    end: (broken) => {
      if (broken) response.destroy();
      else response.end();
    },
  });
  response.once('close', stop);
};
