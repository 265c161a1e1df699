/** The dashboard as a server. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AppConfig, FlameConfigError } from '@flamejs/queue';
import { createAdaptorServer } from '@hono/node-server';
import { watchForAutoscaler } from './alert-watch.ts';
import { listAssets } from './assets.ts';
import { createBoard } from './board/board.ts';
import { type Operations, openOperations } from './operations/operations.ts';
import { type DashboardOptions, parseOptions } from './options.ts';
import { createApp } from './routes/app.ts';

export interface Dashboard {
  /** Where it is, once started: `http://127.0.0.1:3526/pools`. */
  readonly url: string;
  /** Connects and listens. @throws FlameUnavailableError without Redis, FlameConfigError when the port is taken */
  start(): Promise<void>;
  /** Ends connections at once; idempotent. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client that opens a connection and sends nothing keeps it no longer than this. */
const HEADERS_MS = 10_000;

/**
 * @param config what `defineConfig` or `loadConfig` returned
 * @throws FlameConfigError for bad options, and for an address that others can reach without a credential
 */
export const createDashboard = (config: AppConfig, given: DashboardOptions = {}): Dashboard => {
  const options = parseOptions(given);
  let operations: Operations | undefined;
  let server: Server | undefined;
  let port = options.port;
  let unwatch: (() => void) | undefined;

  const start = async (): Promise<void> => {
    operations = openOperations(config, 'dashboard', given.tuner);
    try {
      await operations.link.ready();
      const [board, assets] = await Promise.all([createBoard(operations, options.basePath), listAssets()]);
      const app = createApp({ operations, options, board, assets });
      server = createAdaptorServer({ fetch: app.fetch }) as Server;
      server.headersTimeout = HEADERS_MS;
      server.listen(options.port, options.host);
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
      unwatch = watchForAutoscaler(operations, options.logger);
    } catch (error) {
      await stop();
      throw listenError(error, options.host, options.port);
    }
  };

  const stop = async (): Promise<void> => {
    const [closing, open] = [server, operations];
    server = undefined;
    unwatch?.();
    operations = undefined;
    if (closing?.listening) {
      const closed = once(closing, 'close');
      closing.close();
      closing.closeAllConnections();
      await closed;
    }
    await open?.close();
  };

  return {
    get url() {
      return `http://${urlHost(options.host)}:${port}${options.basePath}/pools`;
    },
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
};

const urlHost = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
};

const listenError = (error: unknown, host: string, port: number): unknown => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error;
  const why = {
    EADDRINUSE: 'is taken',
    EACCES: 'needs rights that this process lacks',
    EADDRNOTAVAIL: 'is no address of this machine',
  }[code];
  const message = `the dashboard cannot listen: ${host}:${port} ${why}; choose another with \`port\` (0 takes a free one) or \`host\``;
  return new FlameConfigError(message, { problems: [{ path: 'dashboard.port', message }], cause: error });
};
