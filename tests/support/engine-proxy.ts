/** Stands between a Docker client and its engine: counts what is asked, and holds an answer back when told to. */

import { rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';

export interface EngineProxy {
  /** Method, path and status of every answered request. */
  readonly log: readonly { readonly method: string; readonly path: string; readonly status: number }[];
  /** The next answer to such a request never reaches whoever asked. @returns when the engine has given it */
  swallow(pattern: RegExp): Promise<void>;
  close(): Promise<void>;
}

/** @param socket where to listen; a file that goes away with the proxy */
export const startEngineProxy = async (socket: string, engine: string): Promise<EngineProxy> => {
  const log: EngineProxy['log'][number][] = [];
  let trap: { readonly pattern: RegExp; readonly sprung: () => void } | undefined;

  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    const path = url.replace(/^\/v[\d.]+/, '').split('?')[0] ?? '';
    const onward = request({ socketPath: engine, method, path: url, headers }, (answer) => {
      log.push({ method, path, status: answer.statusCode ?? 0 });
      if (trap?.pattern.test(`${method} ${path}`)) {
        const { sprung } = trap;
        trap = undefined;
        answer.resume();
        answer.once('end', sprung);
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    // Whoever asked has gone: so does the question.
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) onward.destroy();
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));

  return {
    log,
    swallow: (pattern) =>
      new Promise((sprung) => {
        trap = { pattern, sprung };
      }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(socket, { force: true });
    },
  };
};
