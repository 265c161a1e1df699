/** The JSON API: everything that the pages show, and nothing that they do not. */
import { Hono } from 'hono';
import type { GuardVariables } from '../guard/guard.ts';
import type { Why } from '../operations/act.ts';
import type { Operations } from '../operations/operations.ts';
import { MOST_BYTES, SHOW_BYTES } from '../operations/payloads.ts';
import { badParam, callQuery, readBody, wholeParam } from './read-query.ts';

const MOST_ENTRIES = 1_000;
const REASON_LENGTH = 300;

type Api = Hono<{ Variables: GuardVariables }>;

export const createApi = (operations: Operations): Api => {
  const api: Api = new Hono();

  api.get('/system', async (c) => c.json(await operations.system()));
  api.get('/pools', async (c) => {
    const [pools, events, system] = await Promise.all([
      operations.pools(),
      operations.events(undefined, wholeParam(c, 'events', 30, 0, MOST_ENTRIES)),
      operations.system(),
    ]);
    return c.json({ pools, events, system });
  });
  api.get('/pools/:pool', async (c) => {
    const name = await operations.checkPool(c.req.param('pool'));
    const [pools, runners, events, history, times] = await Promise.all([
      operations.pools(),
      operations.runners(name),
      operations.events(name, wholeParam(c, 'events', 50, 0, MOST_ENTRIES)),
      operations.history(name, wholeParam(c, 'history', 300, 0, MOST_ENTRIES)),
      operations.times(name),
    ]);
    return c.json({
      pool: pools.find((p) => p.name === name),
      runners,
      events,
      history,
      times,
      settings: settings(operations, name),
    });
  });
  api.get('/alerts', async (c) => c.json(await operations.alerts()));
  api.post('/alerts/test', async (c) => c.json(await operations.testAlerts('the dashboard')));
  api.get('/calls', async (c) => c.json(await operations.calls(callQuery(c))));
  addCallRoutes(api, operations);
  addActions(api, operations);
  addTuning(api, operations);
  return api;
};

const addCallRoutes = (api: Api, operations: Operations): void => {
  api.get('/calls/:id', async (c) => {
    const call = await operations.call(c.req.param('id'));
    if (call !== undefined) return c.json({ call });
    return c.json({ error: { message: 'there is no such call (any more): it expired or was removed' } }, 404);
  });
  for (const [route, read] of [
    ['arguments', operations.arguments],
    ['outcome', operations.outcome],
  ] as const) {
    api.get(`/calls/:id/${route}`, async (c) => {
      const limit = wholeParam(c, 'limit', SHOW_BYTES, 1, MOST_BYTES);
      return c.json(await read(c.req.param('id'), { limit, stacks: c.get('role') === 'operator' }));
    });
  }
  api.get('/calls/:id/logs', async (c) =>
    c.json(await operations.logs(c.req.param('id'), wholeParam(c, 'lines', 200, 1, MOST_ENTRIES))),
  );
};

const addActions = (api: Api, { act, checkPool, poolOf }: Operations): void => {
  api.post('/calls/:id/retry', async (c) => {
    const id = c.req.param('id');
    return c.json({ result: await act.retry(await poolOf(id), id) });
  });
  api.post('/calls/:id/cancel', async (c) => {
    const id = c.req.param('id');
    const { reason } = await readBody(c);
    const why = typeof reason === 'string' && reason !== '' ? reason.slice(0, REASON_LENGTH) : 'by an operator';
    return c.json({ result: await act.cancel(await poolOf(id), id, why) });
  });
  api.post('/pools/:pool/pause', async (c) => {
    await act.pause(await checkPool(c.req.param('pool')));
    return c.json({ result: 'paused' });
  });
  api.post('/pools/:pool/resume', async (c) => {
    await act.resume(await checkPool(c.req.param('pool')));
    return c.json({ result: 'resumed' });
  });
  api.post('/pools/:pool/retry-failed', async (c) => {
    const { functionName } = await readBody(c);
    const pool = await checkPool(c.req.param('pool'));
    return c.json({
      retried: await act.retryFailed(pool, typeof functionName === 'string' ? functionName : undefined),
    });
  });
  for (const action of ['drain', 'terminate', 'unprotect'] as const) {
    api.post(`/pools/:pool/runners/:runnerId/${action}`, async (c) => {
      const why = readWhy(await readBody(c));
      return c.json({ result: await act[action](await checkPool(c.req.param('pool')), c.req.param('runnerId'), why) });
    });
  }
  api.post('/pools/:pool/runners/:runnerId/protect', async (c) => {
    const { forMs, ...rest } = await readBody(c);
    if (!Number.isSafeInteger(forMs) || Number(forMs) <= 0) throw badParam('forMs', 'milliseconds above 0 are needed');
    const pool = await checkPool(c.req.param('pool'));
    return c.json({ result: await act.protect(pool, c.req.param('runnerId'), Number(forMs), readWhy(rest)) });
  });
};

const MONTH_MS = 31 * 86_400_000;

const addTuning = (api: Api, operations: Operations): void => {
  const { act, checkPool, costs, replay, tuning } = operations;
  api.get('/pools/:pool/costs', async (c) => c.json(await costs(c.req.param('pool'))));
  api.get('/pools/:pool/range', async (c) => {
    const { now } = await operations.system();
    const spanMs = wholeParam(c, 'last', 3_600_000, 1_000, MONTH_MS);
    const to = wholeParam(c, 'to', now, 0, Number.MAX_SAFE_INTEGER);
    return c.json(await operations.range(c.req.param('pool'), to - spanMs, to));
  });
  api.get('/pools/:pool/audit', async (c) =>
    c.json(await operations.audit(c.req.param('pool'), wholeParam(c, 'entries', 50, 0, MOST_ENTRIES))),
  );
  api.get('/pools/:pool/settings', async (c) => c.json(await tuning(c.req.param('pool'))));
  api.post('/pools/:pool/settings', async (c) =>
    c.json(await act.tune(await checkPool(c.req.param('pool')), await readBody(c))),
  );
  // It changes nothing, but the settings that are tried may be long: so the body, and so for operators.
  api.post('/pools/:pool/settings/replay', async (c) => c.json(await replay(c.req.param('pool'), await readBody(c))));
};

const readWhy = ({ reason }: Readonly<Record<string, unknown>>): Why =>
  typeof reason === 'string' && reason !== '' ? { reason: reason.slice(0, REASON_LENGTH) } : {};

/** Without `env`, which holds secrets. */
const settings = ({ link }: Operations, name: string): Readonly<Record<string, unknown>> => {
  const pool = link.config.pools[name];
  if (pool === undefined) return {};
  const { env: _, hooks: __, backend, policy, idleUnless: ___, ...plain } = pool;
  return { ...plain, backend: backend?.name ?? 'local', policy: policy?.name ?? 'queueDepth' };
};
