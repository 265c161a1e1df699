import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDashboard, type DashboardOptions } from '../src/index.ts';
import { type BoardFixture, startBoard } from './support.ts';

const TOKENS = { viewer: 'viewer-token-of-tests', operator: 'operator-token-of-tests' };
let board: BoardFixture;
let closed: BoardFixture;
let callId: string;

beforeAll(async () => {
  [board, closed] = await Promise.all([
    startBoard(),
    startBoard({
      dashboard: {
        credential: [
          { token: TOKENS.viewer, role: 'viewer' },
          { token: TOKENS.operator },
          { user: 'ada', password: 'a long password', role: 'viewer' },
        ],
      },
    }),
  ]);
  const fail = board.flame.fn('guarded', { pool: 'main' }, () => 0);
  callId = (await board.flame.cast(fail)).id;
  await board.settle({ error: new Error('no') });
});
afterAll(async () => {
  await Promise.all([board[Symbol.asyncDispose](), closed[Symbol.asyncDispose]()]);
});

/** Every route that changes something: ours, and all of Bull Board's. */
const mutatingRoutes = (id: string): readonly (readonly [method: string, path: string])[] => [
  ['POST', `/api/calls/${id}/retry`],
  ['POST', `/api/calls/${id}/cancel`],
  ['POST', '/api/pools/main/pause'],
  ['POST', '/api/pools/main/resume'],
  ['POST', '/api/pools/main/retry-failed'],
  ['POST', '/api/pools/main/runners/r1/drain'],
  ['POST', '/api/pools/main/runners/r1/terminate'],
  ['POST', '/api/pools/main/runners/r1/protect'],
  ['POST', '/api/pools/main/runners/r1/unprotect'],
  ['PUT', '/queues/api/queues/pause'],
  ['PUT', '/queues/api/queues/resume'],
  ['POST', '/queues/api/queues/main/add'],
  ['PUT', '/queues/api/queues/main/retry/failed'],
  ['PUT', '/queues/api/queues/main/promote'],
  ['PUT', '/queues/api/queues/main/clean/failed'],
  ['PUT', '/queues/api/queues/main/pause'],
  ['PUT', '/queues/api/queues/main/resume'],
  ['PUT', '/queues/api/queues/main/concurrency'],
  ['PUT', '/queues/api/queues/main/rate-limit'],
  ['PUT', '/queues/api/queues/main/rate-limit/release'],
  ['PUT', '/queues/api/queues/main/empty'],
  ['PUT', '/queues/api/queues/main/obliterate'],
  ['PUT', '/queues/api/queues/main/job-schedulers/s/remove'],
  ['PATCH', '/queues/api/queues/main/job-schedulers/s'],
  ['PUT', '/queues/api/queues/main/job-schedulers/s/run'],
  ['PUT', `/queues/api/queues/main/${id}/retry`],
  ['PUT', `/queues/api/queues/main/${id}/clean`],
  ['PUT', `/queues/api/queues/main/${id}/promote`],
  ['PATCH', `/queues/api/queues/main/${id}/update-data`],
  ['PATCH', `/queues/api/queues/main/${id}/delay`],
  ['PATCH', `/queues/api/queues/main/${id}/priority`],
  ['PUT', `/queues/api/queues/main/${id}/remove-unprocessed-children`],
];

describe('S-01 S-04 who is let in', () => {
  const refused = (options: DashboardOptions): unknown => {
    try {
      createDashboard(board.config, options);
      return undefined;
    } catch (error) {
      return error;
    }
  };

  test.each(['0.0.0.0', '::', '192.168.1.7', 'flame.example.com'])(
    'an address that others reach (%s) is refused without a credential',
    (host) => {
      expect(refused({ host })).toMatchObject({
        code: 'FLAME_ERR_CONFIG',
        message: expect.stringContaining('no credential'),
      });
      expect(refused({ host, credential: { token: TOKENS.operator } })).toBeUndefined();
    },
  );

  test.each(['127.0.0.1', '127.0.0.53', 'localhost', '::1'])('loopback (%s) needs none', (host) => {
    expect(refused({ host })).toBeUndefined();
  });

  test('a short secret, a bad port and a bad base path are all named at once', () => {
    expect(refused({ credential: { token: 'short' }, port: 70_000, basePath: 'flame"' })).toMatchObject({
      problems: [{ path: 'dashboard.port' }, { path: 'dashboard.basePath' }, { path: 'dashboard.credential' }],
    });
  });

  const everyPath = [
    '/',
    '/pools',
    '/pools/main',
    '/calls',
    '/calls/main.x',
    '/assets/app.js',
    '/assets/nothing',
    '/metrics',
    '/api/pools',
    '/api/calls',
    '/api/nothing',
    '/queues',
    '/queues/',
    '/queues/static/favicon.ico',
    '/queues/static/nothing',
    '/queues/api/queues',
    '/queues/queue/main',
    '/nothing',
  ];

  test('every path answers 401 without a credential, and says how to present one', async () => {
    for (const path of everyPath) {
      const { status, headers } = await closed.ask(path);
      expect([path, status, headers['www-authenticate']]).toEqual([path, 401, 'Basic realm="Flame", charset="UTF-8"']);
    }
    for (const [method, path] of mutatingRoutes('main.x')) {
      const { status } = await closed.ask(path, { method, headers: { origin: closed.origin } });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });

  test.each([
    ['a wrong token', 'Bearer operator-token-of-testz'],
    ['an empty token', 'Bearer '],
    ['a wrong password', `Basic ${btoa('ada:a long passwort')}`],
    ['a wrong user', `Basic ${btoa('eve:a long password')}`],
    ['a password as a token', 'Bearer a long password'],
    ['no scheme', TOKENS.operator],
    ['no colon', `Basic ${btoa('ada')}`],
  ])('%s is refused', async (_what, authorization) => {
    expect((await closed.ask('/api/pools', { headers: { authorization } })).status).toBe(401);
  });

  test('a token lets in as bearer and as password, a user with the password', async () => {
    for (const authorization of [
      `Bearer ${TOKENS.operator}`,
      `bearer ${TOKENS.viewer}`,
      `Basic ${btoa(`anybody:${TOKENS.operator}`)}`,
      `Basic ${btoa('ada:a long password')}`,
    ]) {
      expect([authorization, (await closed.ask('/api/pools', { headers: { authorization } })).status]).toEqual([
        authorization,
        200,
      ]);
    }
  });

  test('health is open to orchestrators and tells nothing else', async () => {
    expect((await closed.ask('/healthz')).json).toEqual({ ok: true });
    expect((await closed.ask('/readyz')).json).toEqual({ ok: true });
  });

  test('a viewer looks at everything and changes nothing', async () => {
    const headers = {
      authorization: `Bearer ${TOKENS.viewer}`,
      origin: closed.origin,
      'content-type': 'application/json',
    };
    for (const path of ['/pools', '/api/pools', '/api/calls', '/metrics', '/queues', '/queues/api/queues']) {
      expect([path, (await closed.ask(path, { headers })).status]).toEqual([path, 200]);
    }
    for (const [method, path] of mutatingRoutes('main.x')) {
      const { status, text } = await closed.ask(path, { method, headers, body: '{}' });
      expect([method, path, status]).toEqual([method, path, 403]);
      expect(text).toContain('viewer');
    }
    const operator = { ...headers, authorization: `Bearer ${TOKENS.operator}` };
    expect((await closed.ask('/api/pools/main/pause', { method: 'POST', headers: operator, body: '{}' })).status).toBe(
      200,
    );
  });
});

describe('S-02 where a change comes from', () => {
  const forged: readonly (readonly [string, (own: string) => Readonly<Record<string, string | undefined>>])[] = [
    ['a foreign Origin', () => ({ origin: 'https://evil.example', 'content-type': 'application/json' })],
    [
      'a foreign Origin that begins like ours',
      (own) => ({ origin: `${own}.evil.example`, 'content-type': 'application/json' }),
    ],
    ['another port', () => ({ origin: 'http://127.0.0.1:1', 'content-type': 'application/json' })],
    ['a null Origin', () => ({ origin: 'null', 'content-type': 'application/json' })],
    ['no Origin', () => ({ 'content-type': 'application/json' })],
    [
      'another site by Sec-Fetch-Site',
      (own) => ({ origin: own, 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' }),
    ],
    [
      'the same site but another origin',
      (own) => ({ origin: own, 'sec-fetch-site': 'same-site', 'content-type': 'application/json' }),
    ],
    ['text/plain', (own) => ({ origin: own, 'content-type': 'text/plain' })],
    ['text/plain that mentions JSON', (own) => ({ origin: own, 'content-type': 'text/plain; application/json' })],
    ['a form', (own) => ({ origin: own, 'content-type': 'application/x-www-form-urlencoded' })],
    ['a multipart form', (own) => ({ origin: own, 'content-type': 'multipart/form-data; boundary=x' })],
    ['a body without a type', (own) => ({ origin: own })],
    [
      'a method override',
      (own) => ({ origin: own, 'content-type': 'application/json', 'x-http-method-override': 'PUT' }),
    ],
  ];

  test.each(forged)('%s is refused on every mutating route', async (_what, headersOf) => {
    for (const [method, path] of mutatingRoutes(callId)) {
      const { status } = await board.ask(path, { method, headers: headersOf(board.origin), body: '{}' });
      expect([method, path, status]).toEqual([method, path, 403]);
    }
    // Nothing has happened: the call has failed still, and the pool runs.
    expect((await board.ask(`/api/calls/${callId}`)).json.call).toMatchObject({ state: 'failed', generation: 1 });
    expect((await board.ask('/api/pools')).json.pools[0].paused).toBe(false);
  });

  test('a method hidden in the query or a header of a GET does nothing', async () => {
    const headers = { 'x-http-method-override': 'PUT' };
    expect((await board.ask('/queues/api/queues/main/pause?_method=PUT')).status).toBe(403);
    expect((await board.ask('/queues/api/queues/main/pause', { headers })).status).toBe(403);
    expect((await board.ask('/api/pools')).json.pools[0].paused).toBe(false);
  });

  test('a browser is told of no cross-origin permission', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
    const preflight = await board.ask('/api/pools/main/pause', { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(405);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    const read = await board.ask('/api/pools', { headers: { origin: 'https://evil.example' } });
    expect(Object.keys(read.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('our own pages may, with Sec-Fetch-Site or with Origin alone', async () => {
    const body = '{}';
    const type = { 'content-type': 'application/json' };
    const bySite = await board.ask('/api/pools/main/pause', {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', ...type },
      body,
    });
    const byOrigin = await board.ask('/api/pools/main/resume', {
      method: 'POST',
      headers: { origin: board.origin, ...type },
      body,
    });
    expect([bySite.status, byOrigin.status]).toEqual([200, 200]);
  });

  test.each([
    'evil.example',
    'evil.example:3526',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '',
    'local host',
    'user@127.0.0.1',
  ])('the Host %j is answered with 421 (DNS rebinding)', async (host) => {
    for (const path of ['/pools', '/api/pools', '/queues/api/queues', '/healthz']) {
      const { status } = await board.ask(path, { headers: { host } });
      expect([path, [400, 421].includes(status)]).toEqual([path, true]);
    }
  });

  test('names of this machine, and those that the options allow, are ours', async () => {
    const port = new URL(board.origin).port;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST']) {
      expect([host, (await board.ask('/api/pools', { headers: { host } })).status]).toEqual([host, 200]);
    }
  });
});

describe('what Bull Board may do', () => {
  const refusedByProtocol = mutatingRoutes('x').filter(([, path]) =>
    /add$|concurrency|rate-limit|empty|obliterate|job-schedulers|update-data|delay$|priority$|remove-unprocessed/.test(
      path,
    ),
  );

  test('changes that would go past the protocol are refused for operators too, and say what to do', async () => {
    expect(refusedByProtocol).toHaveLength(13);
    for (const [method, path] of refusedByProtocol) {
      const { status, text } = await board.change(path, {}, method);
      expect([method, path, status]).toEqual([method, path, 403]);
      expect(text).toContain('`flame` command');
    }
    expect((await board.change('/queues/api/queues/main/retry/completed', {}, 'PUT')).status).toBe(403);
    expect((await board.change('/queues/api/queues/main/clean/wait', {}, 'PUT')).status).toBe(403);
  });

  test.each(['1e5', '1000', '101'])('a page of %s jobs is refused', async (size) => {
    expect((await board.ask(`/queues/api/queues?activeQueue=main&jobsPerPage=${size}`)).status).toBe(400);
    expect((await board.ask(`/api/calls?limit=${size === '101' ? 201 : size}`)).status).toBe(400);
  });
});

describe('S-03 what browsers are told', () => {
  test('every answer forbids frames, foreign scripts and guessing of types', async () => {
    for (const path of ['/pools', '/assets/app.js', '/api/pools', '/queues', '/queues/api/queues', '/nothing']) {
      const { headers } = await board.ask(path);
      const policy = String(headers['content-security-policy']);
      expect([path, headers['x-frame-options'], headers['x-content-type-options']]).toEqual([path, 'DENY', 'nosniff']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
    }
  });

  test('no page has inline script or asks for anything of another host', async () => {
    for (const path of ['/pools', '/queues']) {
      const { text } = await board.ask(path);
      const scripts = [...text.matchAll(/<script(?![^>]*type="application\/json")[^>]*>([^<]*)/g)];
      expect(scripts.length).toBeGreaterThan(0);
      for (const [tag, content] of scripts) expect([tag.includes('src='), content]).toEqual([true, '']);
      expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    }
  });
});
