/** Where platforms may ask for their number, by the environment: nowhere unless it is said. */
import { readFileSync } from 'node:fs';
import { type ConfigProblem, FlameConfigError } from '@flamejs/queue';

export interface ScalerSettings {
  /** Of HTTP: the JSON endpoint and `/metrics`; `undefined` for none, 0 for a free one. */
  readonly port: number | undefined;
  /** Of gRPC, as KEDA's external scaler. */
  readonly grpcPort: number | undefined;
  /** The address to listen on; `undefined` for every one. */
  readonly host: string | undefined;
  /** Whoever asks by HTTP has to send it as a bearer token. */
  readonly token: string | undefined;
  readonly tls: ScalerTls | undefined;
}

/** PEM. */
export interface ScalerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Whoever asks needs a certificate of this authority. */
  readonly clientCa: Buffer | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;
const SHORTEST_TOKEN = 16;

/**
 * Reads FLAME_SCALER_PORT, FLAME_SCALER_GRPC_PORT, FLAME_SCALER_HOST, FLAME_SCALER_TOKEN (or …_TOKEN_FILE), FLAME_SCALER_TLS_CERT_FILE,
 * FLAME_SCALER_TLS_KEY_FILE and FLAME_SCALER_TLS_CLIENT_CA_FILE.
 *
 * @returns the settings, `undefined` when nothing is to listen
 * @throws FlameConfigError that lists every problem: no port, an unreadable file, another address than loopback without token or TLS
 */
export const scalerSettings = (env: Env): ScalerSettings | undefined => {
  const problems: ConfigProblem[] = [];
  const port = portOf(env, 'FLAME_SCALER_PORT', problems);
  const grpcPort = portOf(env, 'FLAME_SCALER_GRPC_PORT', problems);
  const token = env.FLAME_SCALER_TOKEN || fileOf(env, 'FLAME_SCALER_TOKEN_FILE', problems)?.toString('utf8').trim();
  if (token !== undefined && token.length < SHORTEST_TOKEN)
    problems.push({ path: 'FLAME_SCALER_TOKEN', message: `expected at least ${SHORTEST_TOKEN} characters` });
  const tls = tlsOf(env, problems);
  const isOpen = (guarded: boolean): boolean =>
    !guarded && env.FLAME_SCALER_HOST !== undefined && !LOOPBACK.test(env.FLAME_SCALER_HOST);
  if (port !== undefined && isOpen(token !== undefined || tls !== undefined))
    problems.push({ path: 'FLAME_SCALER_HOST', message: `${env.FLAME_SCALER_HOST} ${NEEDS}` });
  // KEDA sends no token, so none can be asked for.
  if (grpcPort !== undefined && tls === undefined && (isOpen(false) || (token !== undefined && !env.FLAME_SCALER_HOST)))
    problems.push({ path: 'FLAME_SCALER_GRPC_PORT', message: GRPC_NEEDS });
  if (problems.length > 0)
    throw new FlameConfigError(
      `the listener for platforms: ${problems.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
      {
        problems,
      },
    );
  if (port === undefined && grpcPort === undefined) return undefined;
  const guarded = token !== undefined || tls !== undefined;
  return { port, grpcPort, host: env.FLAME_SCALER_HOST || (guarded ? undefined : '127.0.0.1'), token, tls };
};

const NEEDS = 'is not loopback: set FLAME_SCALER_TOKEN, or FLAME_SCALER_TLS_CERT_FILE and FLAME_SCALER_TLS_KEY_FILE';
const GRPC_NEEDS =
  'listens on other addresses than loopback with TLS only, because KEDA sends no token: set FLAME_SCALER_TLS_CERT_FILE and FLAME_SCALER_TLS_KEY_FILE, or FLAME_SCALER_HOST=127.0.0.1';

const portOf = (env: Env, name: string, problems: ConfigProblem[]): number | undefined => {
  const text = env[name];
  if (!text) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  problems.push({
    path: name,
    message: `expected a port from 0 to 65535 (0 takes a free one), got ${JSON.stringify(text)}`,
  });
  return undefined;
};

const fileOf = (env: Env, name: string, problems: ConfigProblem[]): Buffer | undefined => {
  const path = env[name];
  if (!path) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    problems.push({ path: name, message: `cannot be read: ${(error as Error).message}` });
    return undefined;
  }
};

const tlsOf = (env: Env, problems: ConfigProblem[]): ScalerTls | undefined => {
  const cert = fileOf(env, 'FLAME_SCALER_TLS_CERT_FILE', problems);
  const key = fileOf(env, 'FLAME_SCALER_TLS_KEY_FILE', problems);
  const clientCa = fileOf(env, 'FLAME_SCALER_TLS_CLIENT_CA_FILE', problems);
  if (cert !== undefined && key !== undefined) return { cert, key, clientCa };
  if (cert !== undefined || key !== undefined || clientCa !== undefined)
    problems.push({
      path: 'FLAME_SCALER_TLS_CERT_FILE',
      message: 'certificate and key belong together: set FLAME_SCALER_TLS_CERT_FILE and FLAME_SCALER_TLS_KEY_FILE',
    });
  return undefined;
};
