/** Lets Prometheus scrape an autoscaler that was told to listen (FLAME_METRICS_PORT); without it no port is open. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE, type MetricsSource, renderMetrics } from '@flamejs/protocol';
import { FlameConfigError } from '@flamejs/queue';
import type { Logger } from 'pino';

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A client that opens a connection and sends nothing keeps it no longer than this. */
const HEADERS_MS = 10_000;

/** @returns the port in FLAME_METRICS_PORT, `undefined` for none. @throws FlameConfigError for anything but a port */
export const metricsPort = (text: string | undefined): number | undefined => {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  return refuse(`expected a port from 0 to 65535 (0 takes a free one), got ${JSON.stringify(text)}`);
};

/** @param host the address to listen on; every one unless said: what scrapes is another machine. @throws FlameConfigError when it cannot listen */
export const startMetricsServer = async (
  source: MetricsSource,
  { port, host, log }: { readonly port: number; readonly host: string | undefined; readonly log: Logger },
): Promise<MetricsServer> => {
  const server = createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    if (request.method !== 'GET' || path !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    renderMetrics(source).then(
      (text) => response.writeHead(200, { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' }).end(text),
      (error: unknown) => {
        log.warn({ err: error }, 'metrics could not be read');
        response.writeHead(503).end();
      },
    );
  });
  server.headersTimeout = HEADERS_MS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    return refuse(`cannot listen on port ${port}: ${(error as Error).message}`);
  }
  // It alone keeps no process alive.
  server.unref();
  const bound = (server.address() as AddressInfo).port;
  log.info({ port: bound }, 'metrics at /metrics');
  return {
    port: bound,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const refuse = (message: string): never => {
  throw new FlameConfigError(`FLAME_METRICS_PORT: ${message}`, { problems: [{ path: 'FLAME_METRICS_PORT', message }] });
};
