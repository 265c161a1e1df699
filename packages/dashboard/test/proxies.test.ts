/** The dashboard behind proxies of both kinds, and mounted in servers of applications. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createDashboard, createDashboardHandler, type DashboardHandler, type DashboardOptions } from '../src/index.ts';
import { type BoardFixture, quiet, startBoard } from './support.ts';

const TOKEN = 'operator-token-of-tests';
const OPERATOR = { authorization: `Bearer ${TOKEN}` };
let board: BoardFixture;
const ending: (() => unknown)[] = [];

beforeAll(async () => {
  board = await startBoard();
});
afterAll(() => board[Symbol.asyncDispose]());
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const listen = async (server: Server): Promise<string> => {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

interface ProxyKind {
  /** Taken away from paths. */
  readonly prefix: string;
  readonly host: 'as asked' | 'of the upstream';
  readonly forwards: boolean;
}

/** @returns the origin under which browsers reach it; `flame.example.com` to those who ask */
const startProxy = (upstream: string, { prefix, host, forwards }: ProxyKind): Promise<string> =>
  listen(
    createServer((req, res) => {
      if (!req.url?.startsWith(`${prefix}/`)) return void res.writeHead(404).end('of the proxy');
      const headers: Record<string, unknown> = { ...req.headers };
      if (host === 'of the upstream') headers.host = new URL(upstream).host;
      if (forwards) Object.assign(headers, { 'x-forwarded-host': req.headers.host, 'x-forwarded-for': '10.1.2.3' });
      const path = req.url.slice(prefix.length);
      const passed = request(`${upstream}${path}`, { method: req.method, headers: headers as never }, (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(res);
      });
      req.pipe(passed);
    }),
  );

const start = async (options: DashboardOptions): Promise<string> => {
  const dashboard = createDashboard(board.config, { port: 0, logger: quiet, ...options });
  await dashboard.start();
  ending.push(() => dashboard.stop());
  return new URL(dashboard.url).origin;
};

const get = (url: string | URL, headers: Record<string, string> = OPERATOR) =>
  fetch(url, { headers, redirect: 'manual' });

/** Everything that a page refers to, as a browser would ask for it. */
const referred = async (url: string): Promise<readonly URL[]> => {
  const answer = await get(url);
  expect([url, answer.status]).toEqual([url, 200]);
  const html = await answer.text();
  const base = new URL(/<base href="([^"]*)"/.exec(html)?.[1] ?? '', url);
  const links = [...html.replace(/<base[^>]*>/, '').matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, link = '']) => new URL(link, base),
  );
  const root = /data-root="([^"]*)"/.exec(html)?.[1];
  const api = root === undefined ? new URL('api/queues', base) : new URL(`${root}api/pools`, url);
  return [...links, api];
};

const PAGES = ['/pools', '/pools/main', '/pools/main/tune', '/calls', '/calls/main.x', '/queues', '/queues/queue/main'];

/** Every page, with all that it needs, below `root`. */
const expectWhole = async (root: string): Promise<void> => {
  for (const page of PAGES) {
    for (const url of await referred(`${root}${page}`)) {
      if (url.pathname.endsWith('/favicon.ico')) continue;
      expect([page, url.pathname.startsWith(new URL(root).pathname)]).toEqual([page, true]);
      expect([page, url.href, (await get(url)).status]).toEqual([page, url.href, 200]);
    }
  }
  const home = await get(`${root}/`);
  expect(new URL(home.headers.get('location') ?? '', `${root}/`).href).toBe(`${root}/pools`);
};

const pause = (root: string, origin = new URL(root).origin): Promise<Response> =>
  fetch(`${root}/api/pools/main/pause`, {
    method: 'POST',
    headers: { ...OPERATOR, origin, 'content-type': 'application/json' },
    body: '{}',
  });

describe('T-11 behind a proxy', () => {
  const credential = { token: TOKEN } as const;

  test.each<[string, ProxyKind, DashboardOptions]>([
    ['takes its prefix away', { prefix: '/tools/flame', host: 'as asked', forwards: true }, {}],
    [
      'takes it away and sets Host',
      { prefix: '/x', host: 'of the upstream', forwards: true },
      { trustProxy: 'loopback' },
    ],
    ['leaves paths as they are', { prefix: '', host: 'as asked', forwards: false }, { basePath: '/flame' }],
  ])('T-11: every page and every button works where it %s', async (_what, kind, options) => {
    const proxy = await startProxy(await start({ credential, ...options }), kind);
    const root = `${proxy}${kind.prefix}${options.basePath ?? ''}`;
    await expectWhole(root);
    expect((await pause(root)).status).toBe(200);
    expect((await pause(root, 'https://evil.example')).status).toBe(403);
  });

  test('T-11: X-Forwarded-Host counts from a proxy that is trusted, and from nobody else', async () => {
    const ask = async (options: DashboardOptions, host: string): Promise<number> => {
      const origin = await start({ credential, allowedHosts: ['flame.example.com'], ...options });
      return (
        await fetch(`${origin}/api/pools/main/resume`, {
          method: 'POST',
          headers: {
            ...OPERATOR,
            'x-forwarded-host': host,
            origin: `https://${host}`,
            'content-type': 'application/json',
          },
          body: '{}',
        })
      ).status;
    };
    expect(await ask({ trustProxy: '127.0.0.1' }, 'flame.example.com')).toBe(200);
    expect(await ask({ trustProxy: ['10.0.0.0/8', 'loopback'] }, 'flame.example.com')).toBe(200);
    expect(await ask({ trustProxy: '127.0.0.1' }, 'evil.example')).toBe(421);
    expect(await ask({}, 'flame.example.com')).toBe(403);
    expect(await ask({ trustProxy: '10.0.0.0/8' }, 'flame.example.com')).toBe(403);
    for (const trustProxy of ['proxy.example.com', '10.0.0.0/33', '10.0.0.0/8/8', ''])
      expect(() => createDashboard(board.config, { trustProxy })).toThrow(/trustProxy/);
  });

  test.each(['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host'])(
    'T-11: without a credential a request with %s is not taken for one of this machine',
    async (name) => {
      const origin = await start({});
      expect((await get(`${origin}/api/pools`, {})).status).toBe(200);
      const through = await get(`${origin}/api/pools`, { [name]: '127.0.0.1' });
      expect(through.status).toBe(401);
      expect(await through.text()).toContain('give the dashboard a credential');
      expect((await get(`${origin}/healthz`, { [name]: '127.0.0.1' })).status).toBe(200);
    },
  );
});

describe('T-11 mounted', () => {
  const mounted = (basePath?: string): DashboardHandler => {
    const handler = createDashboardHandler(board.config, {
      auth: (req) => (req.headers.get('authorization') === OPERATOR.authorization ? 'operator' : undefined),
      logger: quiet,
      ...(basePath === undefined ? {} : { basePath }),
    });
    ending.push(() => handler.close());
    return handler;
  };
  const expectMounted = async (root: string): Promise<void> => {
    await expectWhole(root);
    expect((await pause(root)).status).toBe(200);
    expect((await pause(root, 'https://evil.example')).status).toBe(403);
    expect((await get(`${root}/api/pools`, {})).status).toBe(401);
    expect((await get(`${root}/api/pools`, { 'x-forwarded-for': '127.0.0.1' })).status).toBe(401);
  };

  test('T-11: without `auth` and without a credential it is refused, also on loopback', () => {
    expect(() => createDashboardHandler(board.config, {})).toThrow(/auth/);
  });

  test('T-11: in Hono, with its prefix taken away', async () => {
    const app = new Hono();
    app.mount('/admin/flame', mounted().fetch);
    await expectMounted(`${await listen(serve({ fetch: app.fetch, port: 0 }) as Server)}/admin/flame`);
  });

  test('T-11: in a server that leaves paths as they are, as Fastify does', async () => {
    const handler = mounted('/flame');
    await expectMounted(`${await listen(createServer((req, res) => void handler.node(req, res)))}/flame`);
  });

  test('T-11: in a server that takes its prefix away and reads bodies first, as Express does', async () => {
    const handler = mounted();
    const express = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const url = req.url ?? '';
      Object.assign(req, {
        originalUrl: url,
        url: url.slice('/flame'.length) || '/',
        body: text === '' ? undefined : JSON.parse(text),
      });
      await handler.node(req, res);
    };
    const origin = await listen(createServer((req, res) => void express(req, res)));
    await expectMounted(`${origin}/flame`);
    const bare = await get(`${origin}/flame`);
    expect(new URL(bare.headers.get('location') ?? '', `${origin}/flame`).pathname).toBe('/flame/');
    const tuned = await fetch(`${origin}/flame/api/pools/main/retry-failed`, {
      method: 'POST',
      headers: { ...OPERATOR, origin, 'content-type': 'application/json' },
      body: '{"functionName":"nobody"}',
    });
    expect(await tuned.json()).toEqual({ retried: 0 });
  });
});

test('T-11: a mounted dashboard answers 503 while Redis is away', async () => {
  const config = {
    ...board.config,
    redis: { kind: 'single', url: 'redis://127.0.0.1:1', options: {} },
    connectTimeoutMs: 200,
  } as const;
  const handler = createDashboardHandler(config, { credential: { token: TOKEN }, logger: quiet });
  try {
    const answer = await handler.fetch(new Request('http://app.example/pools', { headers: OPERATOR }));
    expect(answer.status).toBe(503);
  } finally {
    await handler.close();
  }
});
