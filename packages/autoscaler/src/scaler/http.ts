/**
 * The number by HTTP: `/pools/<pool>` as JSON, and `/metrics` for Prometheus. What is not known is 503, or no sample: a platform that
 * hears 0 ends busy runners.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE, type PlatformDecision, renderReplicas } from '@flamejs/protocol';
import { FlameConfigError } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { ScalerSettings } from './settings.ts';

/** @returns what the platforms of these pools may be told. @throws what Redis throws */
export type ReadNumbers = () => Promise<ReadonlyMap<string, PlatformDecision>>;

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** A client that opens a connection and sends nothing keeps it no longer than this. */
const HEADERS_MS = 10_000;

/** @throws FlameConfigError when it cannot listen */
export const serveHttp = async (
  { port, host, token, tls }: ScalerSettings,
  read: ReadNumbers,
  log: Logger,
): Promise<Listener> => {
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const send = ({ status, body, type = 'application/json' }: Answer): void => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
    };
    if (!mayAsk(request.headers.authorization, token)) send(says(401, 'a bearer token is needed'));
    else if (request.method !== 'GET') send(says(405, 'only GET'));
    else
      answer((request.url ?? '').split('?')[0] ?? '', read).then(send, (error: unknown) => {
        log.warn({ err: error }, 'a platform could not be answered');
        send(says(503, 'Redis cannot be read'));
      });
  };
  const server: Server =
    tls === undefined
      ? createServer(handle)
      : createTlsServer(
          {
            ...{ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' },
            ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
          handle,
        );
  server.headersTimeout = HEADERS_MS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const message = `cannot listen on port ${port}: ${(error as Error).message}`;
    throw new FlameConfigError(`FLAME_SCALER_PORT: ${message}`, { problems: [{ path: 'FLAME_SCALER_PORT', message }] });
  }
  // It alone keeps no process alive.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const answer = async (path: string, read: ReadNumbers): Promise<Answer> => {
  if (path === '/metrics') return { status: 200, body: renderReplicas(await read()), type: CONTENT_TYPE };
  const pool = /^\/pools\/([a-z][a-z0-9-]*)$/.exec(path)?.[1];
  if (pool === undefined) return says(404, 'there are /pools/<pool> and /metrics');
  const decision = (await read()).get(pool);
  if (decision === undefined) return says(404, `the config has no pool ${pool} with external()`);
  if (!decision.known) return says(503, decision.why);
  return { status: 200, body: JSON.stringify({ pool, wanted: decision.wanted, ageMs: decision.ageMs }) };
};

const says = (status: number, error: string): Answer => ({ status, body: JSON.stringify({ error }) });

const mayAsk = (header: string | undefined, token: string | undefined): boolean => {
  if (token === undefined) return true;
  const sent = /^bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? '';
  // Hashes have one length, which the comparison needs and which hides that of the secret.
  return timingSafeEqual(hash(sent), hash(token));
};

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
