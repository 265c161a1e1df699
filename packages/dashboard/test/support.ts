/** A dashboard over a private Redis, and requests as no browser could be made to send them: every header is the test's. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, createRedisStore, type PoolKeys, poolKeys, whenReady } from '@flamejs/protocol';
import { type AppConfig, createFlame, type Flame } from '@flamejs/queue';
import { encode, encodeThrown, packPayload, parseConfig } from '@flamejs/queue/internal';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../tests/support/redis.ts';
import { tuner } from '../../autoscaler/src/tuning/index.ts';
import { createDashboard, type Dashboard, type DashboardOptions } from '../src/index.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly json: any;
}

export interface Ask {
  readonly method?: string;
  /** `undefined` leaves a header out that is sent otherwise. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

export interface BoardFixture {
  readonly redis: RedisServer;
  readonly config: AppConfig;
  readonly flame: Flame;
  readonly dashboard: Dashboard;
  readonly origin: string;
  keys(pool?: string): PoolKeys;
  /** Sends exactly what it is told, with Host alone added. */
  ask(path: string, ask?: Ask): Promise<Answer>;
  /** A change as our own pages send it. */
  change(path: string, body?: unknown, method?: string): Promise<Answer>;
  /** Picks the next call of a pool up and ends it, as a runner does. @returns its id */
  settle(ending: { readonly value: unknown } | { readonly error: unknown }, pool?: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FixtureOptions {
  readonly pools?: Readonly<Record<string, object>>;
  readonly dashboard?: DashboardOptions;
  readonly app?: string;
}

export const quiet = pino({ level: 'silent' });

export const startBoard = async (options: FixtureOptions = {}): Promise<BoardFixture> => {
  const redis = await startRedis();
  const config = parseConfig(
    { app: options.app ?? 'shop', redis: redis.url, pools: (options.pools ?? { main: {} }) as never },
    { root: '/', configFile: undefined, env: { FLAME_RELEASE: 'test' } } as never,
  );
  const flame = createFlame(config, { logger: quiet });
  const dashboard = createDashboard(config, { port: 0, logger: quiet, tuner, ...options.dashboard });
  await dashboard.start();
  const { host, origin } = new URL(dashboard.url);
  const runner = connect(config.redis, 'steady', 'test-runner');
  runner.on('error', () => undefined);
  await whenReady(runner, 5_000);
  const keys = (pool = 'main'): PoolKeys => poolKeys(config.prefix, config.app, pool);

  const ask = (path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = Object.entries({ host, ...headers }).filter(([, value]) => value !== undefined);
      const req = request(
        {
          host: '127.0.0.1',
          port: new URL(origin).port,
          path,
          method,
          headers: Object.fromEntries(sent) as never,
          setHost: false,
        },
        (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          res.on('end', () =>
            resolve({
              status: res.statusCode ?? 0,
              headers: res.headers,
              text,
              get json() {
                return JSON.parse(text);
              },
            }),
          );
        },
      );
      req.on('error', reject);
      req.end(body);
    });

  return {
    redis,
    config,
    flame,
    dashboard,
    origin,
    keys,
    ask,
    change: (path, body, method = 'POST') =>
      ask(path, {
        method,
        headers: { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' },
        body: JSON.stringify(body ?? {}),
      }),
    async settle(ending, pool = 'main') {
      const store = createRedisStore(runner, keys(pool));
      const by = { runnerId: 'test-runner', release: 'test' };
      const [taken] = (await store.take(by, { plain: 1, offer: [], offered: [] })).calls;
      if (taken?.pickUp === undefined) throw new Error(`no call waits in pool ${pool}`);
      const { callId, attempt, pickUp } = taken;
      const ok = 'value' in ending;
      const body = packPayload(ok ? encode(ending.value) : encodeThrown(ending.error));
      const kind = ok ? 'value' : String((ending.error as Error).name);
      const message = ok ? '' : String((ending.error as Error).message).slice(0, 300);
      const head = {
        ok,
        kind,
        message,
        attempts: attempt - pickUp.attemptsBefore,
        runnerLosses: 0,
        runnerId: 'test-runner',
        startedAt: pickUp.at,
        size: body.length,
      };
      const { generation } = pickUp;
      const reason = ok ? '' : `${kind}: ${message}`;
      const verdict = { callId, attempt, generation, kind: 'settle', outcome: { head, body }, reason } as const;
      await store.settle(by, [verdict], [false]);
      return callId;
    },
    async [Symbol.asyncDispose]() {
      await dashboard.stop();
      await flame.close();
      runner.disconnect();
      await redis.stop();
    },
  };
};
