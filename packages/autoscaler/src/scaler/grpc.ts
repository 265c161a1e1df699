/**
 * The number for KEDA, as an external scaler by gRPC. What is not known is UNAVAILABLE: KEDA then does what the ScaledObject's
 * `fallback` says, or nothing.
 */
import { FlameConfigError } from '@flamejs/queue';
import type {
  Server,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  ServiceError,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { EXTERNAL_SCALER } from './external-scaler.ts';
import type { Listener, ReadNumbers } from './http.ts';
import type { ScalerSettings } from './settings.ts';

interface ScaledObject {
  readonly name: string;
  readonly namespace: string;
  /** Of the trigger: `pool` names the pool, unless there is one only. */
  readonly scalerMetadata: Readonly<Record<string, string>>;
}

interface MetricsRequest {
  readonly scaledObjectRef: ScaledObject | null;
  readonly metricName: string;
}

type Grpc = typeof import('@grpc/grpc-js');
type Unary<Q, R> = (call: ServerUnaryCall<Q, R>, done: sendUnaryData<R>) => void;

/** Between two looks for whoever listens to `StreamIsActive`. */
const LOOK_MS = 1_000;

/** @throws FlameConfigError when a package is missing, or it cannot listen */
export const serveGrpc = async (
  { grpcPort, host, tls }: ScalerSettings,
  pools: readonly string[],
  read: ReadNumbers,
  log: Logger,
): Promise<Listener> => {
  const { grpc, service } = await load();
  const server: Server = new grpc.Server({ 'grpc.max_receive_message_length': 64 * 1024 });
  server.addService(service, handlers(grpc, pools, read, log));
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(
          tls.clientCa ?? null,
          [{ cert_chain: tls.cert, private_key: tls.key }],
          tls.clientCa !== undefined,
        );
  const bind = (address: string): Promise<number> =>
    new Promise((resolve, reject) => {
      server.bindAsync(`${address}:${grpcPort}`, credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  // Every address: of both families, or of the one that this machine has.
  const bound =
    host === undefined ? bind('[::]').catch(() => bind('0.0.0.0')) : bind(host.includes(':') ? `[${host}]` : host);
  const port = await bound.catch((cause: Error) => {
    const message = `cannot listen on port ${grpcPort}: ${cause.message}`;
    throw new FlameConfigError(`FLAME_SCALER_GRPC_PORT: ${message}`, {
      problems: [{ path: 'FLAME_SCALER_GRPC_PORT', message }],
      cause,
    });
  });
  return { port, close: async () => server.forceShutdown() };
};

const handlers = (
  grpc: Grpc,
  pools: readonly string[],
  read: ReadNumbers,
  log: Logger,
): UntypedServiceImplementation => {
  const failure = (code: number, message: string): Partial<ServiceError> => ({ code, details: message });

  /** @throws what the caller is told */
  const poolOf = (ref: ScaledObject | null): string => {
    const pool = ref?.scalerMetadata.pool ?? (pools.length === 1 ? pools[0] : undefined);
    if (pool !== undefined && pools.includes(pool)) return pool;
    const message = `metadata.pool of the trigger has to name a pool with external(): ${pools.join(', ')}`;
    throw failure(grpc.status.INVALID_ARGUMENT, message);
  };

  /** @throws what the caller is told */
  const numberOf = async (ref: ScaledObject | null): Promise<{ readonly pool: string; readonly wanted: number }> => {
    const pool = poolOf(ref);
    const decision = await read().then(
      (decisions) => decisions.get(pool),
      (error: unknown) => {
        log.warn({ err: error }, 'KEDA could not be answered');
      },
    );
    if (decision?.known !== true)
      throw failure(grpc.status.UNAVAILABLE, `pool ${pool}: ${decision?.why ?? 'Redis cannot be read'}`);
    return { pool, wanted: decision.wanted };
  };

  const unary =
    <Q, R>(respond: (request: Q) => Promise<R>): Unary<Q, R> =>
    (call, done) =>
      void respond(call.request).then(
        (value) => done(null, value),
        (error: unknown) => done(error as ServiceError),
      );

  const isActive = async (ref: ScaledObject): Promise<{ readonly result: boolean }> => ({
    result: (await numberOf(ref)).wanted > 0,
  });

  const streamIsActive = (call: ServerWritableStream<ScaledObject, { readonly result: boolean }>): void => {
    let told: boolean | undefined;
    let looking = false;
    const look = async (): Promise<void> => {
      if (looking) return;
      looking = true;
      try {
        const { result } = await isActive(call.request);
        if (result !== told && !call.cancelled) call.write({ result });
        told = result;
      } catch (error) {
        clearInterval(timer);
        // KEDA opens another one.
        call.emit('error', error);
      } finally {
        looking = false;
      }
    };
    const timer = setInterval(() => void look(), LOOK_MS);
    timer.unref();
    call.on('cancelled', () => clearInterval(timer));
    void look();
  };

  // Always the same, and answered also while the number is not known: without it KEDA would take the metric out of the HPA.
  const spec = async (ref: ScaledObject | null) => ({
    metricSpecs: [{ metricName: nameOf(poolOf(ref)), targetSize: 1, targetSizeFloat: 1 }],
  });

  const metrics = async ({ scaledObjectRef }: MetricsRequest) => {
    const { pool, wanted } = await numberOf(scaledObjectRef);
    return { metricValues: [{ metricName: nameOf(pool), metricValue: wanted, metricValueFloat: wanted }] };
  };

  return {
    IsActive: unary(isActive),
    StreamIsActive: streamIsActive,
    GetMetricSpec: unary(spec),
    GetMetrics: unary(metrics),
  };
};

const nameOf = (pool: string): string => `flame-${pool}`;

const load = async (): Promise<{ readonly grpc: Grpc; readonly service: ServiceDefinition }> => {
  try {
    const [grpc, loader] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
    const definition = loader.fromJSON(EXTERNAL_SCALER as Parameters<typeof loader.fromJSON>[0], {
      defaults: true,
      longs: Number,
    });
    return { grpc, service: definition['externalscaler.ExternalScaler'] as ServiceDefinition };
  } catch (cause) {
    throw new FlameConfigError(
      'FLAME_SCALER_GRPC_PORT needs @grpc/grpc-js and @grpc/proto-loader, which could not be loaded',
      {
        problems: [{ path: 'FLAME_SCALER_GRPC_PORT', message: 'npm install @grpc/grpc-js @grpc/proto-loader' }],
        advice: 'Run `npm install @grpc/grpc-js @grpc/proto-loader`.',
        cause,
      },
    );
  }
};
