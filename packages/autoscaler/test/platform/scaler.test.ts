/** Platforms ask for their number: by HTTP, from Prometheus, and KEDA by gRPC, each with the client that they use. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as askByTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appKeys } from '@flamejs/protocol';
import { parseConfig } from '@flamejs/queue/internal';
import { type Client, credentials, loadPackageDefinition, type ServiceError, status } from '@grpc/grpc-js';
import { fromJSON, loadSync } from '@grpc/proto-loader';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../../tests/support/certificates.ts';
import { freePort } from '../../../../tests/support/free-port.ts';
import { type RedisServer, startRedis } from '../../../../tests/support/redis.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createAutoscaler } from '../../src/autoscaler.ts';
import { external } from '../../src/backends/external/index.ts';
import { local } from '../../src/backends/local.ts';
import { EXTERNAL_SCALER } from '../../src/scaler/external-scaler.ts';
import { type Scaler, startScaler } from '../../src/scaler/scaler.ts';
import { scalerSettings } from '../../src/scaler/settings.ts';

const PROTO = new URL('./externalscaler.proto', import.meta.url).pathname;
const log = pino({ level: 'silent' });
const keys = appKeys('flame', 'scaled');
const TOKEN = 'a-token-of-some-length';
let redis: RedisServer;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'flame-scaler-'));
});
afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => redis.client().flushall());

const configOf = (pools: object) =>
  parseConfig({ app: 'scaled', redis: redis.url, pools } as never, {
    ...{ root: process.cwd(), configFile: undefined, env: { FLAME_RELEASE: 'r1' } },
  });
const config = () =>
  configOf({ images: { backend: external() }, reports: { backend: external() }, here: { backend: local() } });

/** What a leader writes. */
const decide = async (pool: string, wanted: number, ageMs = 0): Promise<void> => {
  const [seconds, micros] = await redis.client().time();
  const decidedAt = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - ageMs;
  await redis.client().set(keys.lease, 'leader 1');
  await redis
    .client()
    .hset(keys.pools, pool, JSON.stringify({ platform: { wanted, decidedAt, registered: 1, parked: 0 } }));
};

const listen = async (env: Record<string, string>): Promise<Scaler & AsyncDisposable> => {
  const settings = scalerSettings(env);
  if (settings === undefined) throw new Error('nothing is to listen');
  const scaler = await startScaler(settings, { config: config(), client: redis.client() as never, log });
  return Object.assign(scaler, { [Symbol.asyncDispose]: () => scaler.close() });
};

const get = async (scaler: Scaler, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`http://127.0.0.1:${scaler.port}${path}`, { headers });
  return { status: response.status, text: await response.text() };
};

describe('EX-10 by HTTP', () => {
  test('a pool’s number as JSON; 503 without a leader, without a decision, and 30 s after the last one; 404 for others', async () => {
    await using scaler = await listen({ FLAME_SCALER_PORT: '0' });
    expect(await get(scaler, '/pools/images')).toEqual({ status: 503, text: '{"error":"no autoscaler leads"}' });
    await decide('images', 7);
    const told = await get(scaler, '/pools/images');
    expect(told.status).toBe(200);
    expect(JSON.parse(told.text)).toEqual({ pool: 'images', wanted: 7, ageMs: expect.any(Number) });
    expect(await get(scaler, '/pools/reports')).toMatchObject({
      status: 503,
      text: expect.stringContaining('not decided'),
    });
    await decide('images', 0);
    expect(JSON.parse((await get(scaler, '/pools/images')).text)).toMatchObject({ wanted: 0 });
    await decide('images', 7, 31_000);
    expect(await get(scaler, '/pools/images')).toMatchObject({
      status: 503,
      text: expect.stringContaining('31 s old'),
    });
    await decide('images', 7);
    await redis.client().del(keys.lease);
    expect(await get(scaler, '/pools/images')).toMatchObject({ status: 503 });
    for (const path of ['/pools/here', '/pools/nobody', '/pools', '/', '/pools/images/x'])
      expect(await get(scaler, path), path).toMatchObject({ status: 404 });
  });

  test('a damaged entry is not known, and no number', async () => {
    await using scaler = await listen({ FLAME_SCALER_PORT: '0' });
    await redis.client().set(keys.lease, 'leader 1');
    const damaged = [
      '{',
      '{"platform":{}}',
      '{"platform":{"wanted":-1,"decidedAt":9e15,"registered":0,"parked":0}}',
      '[]',
      '',
    ];
    for (const text of damaged) {
      await redis.client().hset(keys.pools, 'images', text);
      expect(await get(scaler, '/pools/images'), text).toMatchObject({ status: 503 });
    }
  });

  test('/metrics has a sample of what is known, and none of what is not', async () => {
    await using scaler = await listen({ FLAME_SCALER_PORT: '0' });
    expect((await get(scaler, '/metrics')).text).not.toMatch(/^flame/m);
    await decide('images', 7);
    await decide('reports', 3, 31_000);
    const { status: code, text } = await get(scaler, '/metrics');
    expect(code).toBe(200);
    expect(text.match(/^flame_.*$/gm)).toEqual(['flame_replicas_wanted{pool="images"} 7']);
    expect(text).toContain('# TYPE flame_replicas_wanted gauge');
  });

  test('with a token nobody is answered who does not send it', async () => {
    await using scaler = await listen({
      FLAME_SCALER_PORT: '0',
      FLAME_SCALER_TOKEN: TOKEN,
      FLAME_SCALER_HOST: '127.0.0.1',
    });
    await decide('images', 7);
    expect(await get(scaler, '/pools/images')).toMatchObject({ status: 401 });
    expect(await get(scaler, '/metrics', { authorization: `Bearer ${TOKEN}x` })).toMatchObject({ status: 401 });
    expect(await get(scaler, '/pools/images', { authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 200 });
  });

  test('with TLS it speaks TLS, and with a client authority only to who has a certificate of it', async () => {
    const { ca, caFile, certFile, keyFile } = makeCertificates(folder);
    const env = { FLAME_SCALER_PORT: '0', FLAME_SCALER_TLS_CERT_FILE: certFile, FLAME_SCALER_TLS_KEY_FILE: keyFile };
    await decide('images', 7);
    const ask = (port: number | undefined, more: object = {}) =>
      new Promise<number | string>((resolve) => {
        const sent = askByTls({ host: '127.0.0.1', port, path: '/pools/images', ca, ...more }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        sent.end();
      });
    await using open = await listen(env);
    expect(await ask(open.port)).toBe(200);
    await using mutual = await listen({ ...env, FLAME_SCALER_TLS_CLIENT_CA_FILE: caFile });
    expect(await ask(mutual.port)).not.toBe(200);
    expect(await ask(mutual.port, { cert: readFileSync(certFile), key: readFileSync(keyFile) })).toBe(200);
  });
});

/** As KEDA makes it: from the file that it publishes, not from ours. */
const kedaClient = (scaler: Scaler, channel = credentials.createInsecure()) => {
  const definition = loadPackageDefinition(loadSync(PROTO, { longs: Number, defaults: true })) as never as {
    externalscaler: { ExternalScaler: new (address: string, channel: unknown) => Client };
  };
  const client = new definition.externalscaler.ExternalScaler(`127.0.0.1:${scaler.grpcPort}`, channel);
  const methods = client as never as Record<
    string,
    (request: object, done: (e: ServiceError | null, r: unknown) => void) => void
  >;
  return Object.assign(client, {
    ask: (method: string, request: object) =>
      new Promise<unknown>((resolve, reject) =>
        methods[method]?.call(client, request, (e, r) => (e ? reject(e) : resolve(r))),
      ),
  });
};
const ref = { name: 'images', namespace: 'shop', scalerMetadata: { pool: 'images' } };

describe('EX-11 KEDA by gRPC', () => {
  test('our description of the service is KEDA’s published one', () => {
    const published = loadSync(PROTO, { longs: Number });
    const ours = fromJSON(EXTERNAL_SCALER as Parameters<typeof fromJSON>[0], { longs: Number });
    expect(Object.keys(ours).sort()).toEqual(Object.keys(published).sort());
    const shape = (of: typeof ours, name: string) =>
      JSON.parse(JSON.stringify(of[name], (key, value) => (key === 'fileDescriptorProtos' ? undefined : value)));
    for (const name of Object.keys(published)) expect(shape(ours, name), name).toEqual(shape(published, name));
  });

  test('GetMetricSpec, GetMetrics and IsActive tell the number of the pool that the trigger names', async () => {
    await using scaler = await listen({ FLAME_SCALER_GRPC_PORT: '0' });
    await decide('images', 7);
    await decide('reports', 0);
    const keda = kedaClient(scaler);
    expect(await keda.ask('GetMetricSpec', ref)).toEqual({
      metricSpecs: [{ metricName: 'flame-images', targetSize: 1, targetSizeFloat: 1 }],
    });
    expect(await keda.ask('GetMetrics', { scaledObjectRef: ref, metricName: 'flame-images' })).toEqual({
      metricValues: [{ metricName: 'flame-images', metricValue: 7, metricValueFloat: 7 }],
    });
    expect(await keda.ask('IsActive', ref)).toEqual({ result: true });
    expect(await keda.ask('IsActive', { ...ref, scalerMetadata: { pool: 'reports' } })).toEqual({ result: false });
    for (const scalerMetadata of [{}, { pool: 'nobody' }, { pool: 'here' }])
      await expect(keda.ask('IsActive', { ...ref, scalerMetadata })).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: 'metadata.pool of the trigger has to name a pool with external(): images, reports',
      });
    keda.close();
  });

  test('what is not known is UNAVAILABLE, and never 0 or inactive; the metric stays', async () => {
    await using scaler = await listen({ FLAME_SCALER_GRPC_PORT: '0' });
    const keda = kedaClient(scaler);
    const unavailable = async (details: string): Promise<void> => {
      for (const [method, request] of [
        ['IsActive', ref],
        ['GetMetrics', { scaledObjectRef: ref, metricName: 'flame-images' }],
      ] as const)
        await expect(keda.ask(method, request)).rejects.toMatchObject({
          code: status.UNAVAILABLE,
          details: expect.stringContaining(details),
        });
    };
    await unavailable('no autoscaler leads');
    expect(await keda.ask('GetMetricSpec', ref)).toMatchObject({ metricSpecs: [{ metricName: 'flame-images' }] });
    await decide('reports', 1);
    await unavailable('has not decided yet');
    await decide('images', 5, 31_000);
    await unavailable('31 s old');
    keda.close();
  });

  test('StreamIsActive says at once how it is and then each change, and ends when that is not known any more', async () => {
    await using scaler = await listen({ FLAME_SCALER_GRPC_PORT: '0' });
    await decide('images', 0);
    const keda = kedaClient(scaler);
    const said: boolean[] = [];
    let ended: ServiceError | undefined;
    const stream = (keda as never as { StreamIsActive(r: object): NodeJS.EventEmitter }).StreamIsActive(ref);
    stream.on('data', ({ result }: { result: boolean }) => said.push(result));
    stream.on('error', (error: ServiceError) => {
      ended = error;
    });
    await waitFor(() => said.length === 1, { what: 'the first answer' });
    await decide('images', 2);
    await waitFor(() => said.length === 2, { what: 'the change' });
    await decide('images', 3);
    await redis.client().del(keys.lease);
    await waitFor(() => ended !== undefined, { what: 'the end of the stream' });
    expect(ended).toMatchObject({ code: status.UNAVAILABLE });
    expect(said).toEqual([false, true]);
    keda.close();
  });

  test('with TLS it answers who trusts its certificate', async () => {
    const { ca, certFile, keyFile } = makeCertificates(folder);
    await using scaler = await listen({
      ...{ FLAME_SCALER_GRPC_PORT: '0', FLAME_SCALER_TLS_CERT_FILE: certFile, FLAME_SCALER_TLS_KEY_FILE: keyFile },
    });
    await decide('images', 7);
    const keda = kedaClient(scaler, credentials.createSsl(Buffer.from(ca)));
    expect(await keda.ask('IsActive', ref)).toEqual({ result: true });
    keda.close();
    const plain = kedaClient(scaler);
    await expect(plain.ask('IsActive', ref)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    plain.close();
  });
});

describe('EX-12 S-16: it listens nowhere unless told, and on loopback unless a token or TLS is set', () => {
  test('the environment is read as a whole, with every problem told', () => {
    expect(scalerSettings({})).toBeUndefined();
    expect(scalerSettings({ FLAME_SCALER_TOKEN: TOKEN })).toBeUndefined();
    expect(scalerSettings({ FLAME_SCALER_PORT: '8080' })).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      grpcPort: undefined,
    });
    expect(scalerSettings({ FLAME_SCALER_PORT: '8080', FLAME_SCALER_TOKEN: TOKEN })).toMatchObject({ host: undefined });
    expect(scalerSettings({ FLAME_SCALER_PORT: '1', FLAME_SCALER_HOST: '::1' })).toMatchObject({ host: '::1' });
    const refused = (env: Record<string, string>, why: RegExp) => expect(() => scalerSettings(env)).toThrow(why);
    refused(
      { FLAME_SCALER_PORT: '8080', FLAME_SCALER_HOST: '0.0.0.0' },
      /FLAME_SCALER_HOST: 0\.0\.0\.0 is not loopback: set FLAME_SCALER_TOKEN/,
    );
    refused({ FLAME_SCALER_PORT: '8080', FLAME_SCALER_HOST: '127.evil.example' }, /is not loopback/);
    refused(
      { FLAME_SCALER_GRPC_PORT: '1', FLAME_SCALER_HOST: '10.0.0.1' },
      /with TLS only, because KEDA sends no token/,
    );
    refused({ FLAME_SCALER_GRPC_PORT: '1', FLAME_SCALER_TOKEN: TOKEN }, /with TLS only/);
    refused(
      { FLAME_SCALER_PORT: 'http', FLAME_SCALER_GRPC_PORT: '70000' },
      /FLAME_SCALER_PORT: expected.*FLAME_SCALER_GRPC_PORT: expected/s,
    );
    refused({ FLAME_SCALER_PORT: '1', FLAME_SCALER_TOKEN: 'short' }, /at least 16 characters/);
    refused({ FLAME_SCALER_PORT: '1', FLAME_SCALER_TLS_CERT_FILE: '/nowhere' }, /cannot be read/);
    refused({ FLAME_SCALER_PORT: '1', FLAME_SCALER_TLS_CERT_FILE: PROTO }, /certificate and key belong together/);
  });

  test('a port that is taken is said so, and nothing of it stays open', async () => {
    await using other = await listen({ FLAME_SCALER_PORT: '0', FLAME_SCALER_GRPC_PORT: '0' });
    const port = String(await freePort());
    const taken = (env: Record<string, string>) => expect(listen(env)).rejects.toThrow(/cannot listen on port/);
    await taken({ FLAME_SCALER_PORT: String(other.port) });
    await taken({ FLAME_SCALER_PORT: port, FLAME_SCALER_GRPC_PORT: String(other.grpcPort) });
    await using again = await listen({ FLAME_SCALER_PORT: port });
    expect(again.port).toBe(Number(port));
  });

  test('an autoscaler that is told so answers by its own decision, and any other one by the leader’s', async () => {
    const twin = configOf({ images: { min: 2, backend: external() } });
    process.env.FLAME_SCALER_PORT = '0';
    const ports: number[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => void ports.push(...portIn(line)) });
    const leader = createAutoscaler(twin, { logger });
    const other = createAutoscaler(twin, { logger });
    try {
      await leader.start();
      await other.start();
      delete process.env.FLAME_SCALER_PORT;
      await waitFor(() => ports.length === 2, { what: 'both to listen' });
      for (const port of ports) {
        const ask = async () => (await fetch(`http://127.0.0.1:${port}/pools/images`)).json();
        await waitFor(async () => ((await ask()) as { wanted?: number }).wanted === 2, {
          what: 'the number',
          timeoutMs: 20_000,
        });
      }
      expect(leader.status().pools.images?.platform).toMatchObject({ wanted: 2, registered: 0 });
    } finally {
      delete process.env.FLAME_SCALER_PORT;
      await other.stop();
      await leader.stop();
    }
  });
});

const portIn = (line: string): readonly number[] => {
  const { msg, port } = JSON.parse(line) as { msg?: string; port?: number };
  return msg === 'platforms may ask for their number' && port !== undefined ? [port] : [];
};
