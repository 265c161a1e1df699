/** The dashboard's options: parsed once, and refused when they would open it to people who should not see it. */
import { isIP } from 'node:net';
import { type ConfigProblem, FlameConfigError, type Tuner } from '@flamejs/queue';
import { type Logger, pino } from 'pino';
import { parseProxies } from './guard/proxies.ts';

/** `viewer` only looks; `operator` also retries, cancels, pauses and drains. */
export type Role = 'viewer' | 'operator';

/**
 * What a browser (basic authentication) or a program (bearer token) has to present. A token is accepted as the password
 * of basic authentication too, with any user name, so that a browser can use it.
 */
export type Credential =
  | { readonly token: string; readonly role?: Role }
  | { readonly user: string; readonly password: string; readonly role?: Role };

/** @returns the role of whoever sends the request, `undefined` for nobody (401) */
export type Authenticate = (request: Request) => Role | undefined | Promise<Role | undefined>;

export interface DashboardOptions {
  /** Address to listen on. Default `127.0.0.1`; any other than loopback is refused without a credential. */
  readonly host?: string;
  /** Default 3526; 0 takes a free one. */
  readonly port?: number;
  /** Where it stands behind a proxy, which passes paths on unchanged: `/flame`. Default `/`. */
  readonly basePath?: string;
  /** One or several. With any, every request needs one of them, from this machine too: a proxy's requests come from there. */
  readonly credential?: Credential | readonly Credential[];
  /** Names under which a proxy or a container is reached, beside loopback: `['flame.example.com']`. */
  readonly allowedHosts?: readonly string[];
  /**
   * Addresses of proxies, or networks such as `10.0.0.0/8`, whose `X-Forwarded-Host` says how browsers call this dashboard;
   * `loopback` is `127.0.0.0/8` and `::1`. Needed where a proxy puts its own `Host` in the place of the browser's. Default: none.
   */
  readonly trustProxy?: string | readonly string[];
  /** What judges settings of pools: `tuner` of `flamejs/tuning`. Default: none, and settings are the config's. */
  readonly tuner?: Tuner;
  /** Default: one that writes warnings to stderr. */
  readonly logger?: Logger;
}

export interface ParsedOptions {
  readonly host: string;
  readonly port: number;
  /** Empty, or with a leading and without a trailing slash. */
  readonly basePath: string;
  readonly credentials: readonly (Credential & { readonly role: Role })[];
  readonly allowedHosts: readonly string[];
  /** Whether the other end of a connection is one of our proxies. */
  readonly isProxy: (address: string | undefined) => boolean;
  /** Says who asks, before any credential is looked at. */
  readonly auth: Authenticate | undefined;
  /** Within a server of the application, which judges by which names it is called. */
  readonly mounted: boolean;
  readonly logger: Logger;
}

export const DEFAULT_PORT = 3526;
const SECRET_LENGTH = 12;
const BASE_PATH = /^(\/[A-Za-z0-9._~-]+)*\/?$/;
const HOST_NAME = /^[a-z0-9.-]{1,253}$/;

/** @throws FlameConfigError with every problem */
export const parseOptions = (
  options: DashboardOptions,
  mount?: { readonly auth: Authenticate | undefined },
): ParsedOptions => {
  const problems: ConfigProblem[] = [];
  const refuse = (path: string, message: string): void => void problems.push({ path: `dashboard.${path}`, message });
  const { host = '127.0.0.1', port = DEFAULT_PORT, basePath = '/', allowedHosts = [] } = options;
  const given = options.credential === undefined ? [] : [options.credential].flat();

  if (!Number.isInteger(port) || port < 0 || port > 65_535) refuse('port', `expected 0 to 65535, got ${port}`);
  if (!BASE_PATH.test(basePath) || basePath.includes('/..')) {
    refuse('basePath', `expected a path such as /flame, got ${JSON.stringify(basePath)}`);
  }
  for (const credential of given) {
    const secret = 'token' in credential ? credential.token : credential.password;
    if (typeof secret !== 'string' || secret.length < SECRET_LENGTH) {
      refuse('credential', `a token or password needs at least ${SECRET_LENGTH} characters`);
    }
    if ('user' in credential && (credential.user === '' || credential.user.includes(':'))) {
      refuse('credential', 'a user name is not empty and holds no colon');
    }
    if (credential.role !== undefined && credential.role !== 'viewer' && credential.role !== 'operator') {
      refuse('credential', `the role is viewer or operator, got ${JSON.stringify(credential.role)}`);
    }
  }
  const isProxy = parseProxies([options.trustProxy ?? []].flat(), (message) => refuse('trustProxy', message));
  if (mount !== undefined && given.length === 0 && mount.auth === undefined) {
    refuse(
      'auth',
      'a mounted dashboard is reached by whoever reaches the application: give `auth`, which says who asks, or `credential`',
    );
  }
  if (mount === undefined && given.length === 0 && !isLoopback(host)) {
    refuse(
      'host',
      `${host} can be reached from other machines, and no credential is set: set \`credential\` (or FLAME_DASHBOARD_TOKEN), or listen on 127.0.0.1`,
    );
  }
  for (const name of allowedHosts) {
    if (!HOST_NAME.test(name)) refuse('allowedHosts', `expected host names without port, got ${JSON.stringify(name)}`);
  }
  if (problems.length > 0) {
    throw new FlameConfigError(problems.map((p) => `${p.path}: ${p.message}`).join('\n'), { problems });
  }
  return {
    host,
    port,
    basePath: basePath.replace(/\/$/, ''),
    credentials: given.map((credential) => ({ ...credential, role: credential.role ?? 'operator' })),
    allowedHosts,
    isProxy,
    auth: mount?.auth,
    mounted: mount !== undefined,
    logger: options.logger ?? pino({ name: 'flame-dashboard', level: 'warn' }, pino.destination(2)),
  };
};

/** @returns whether only this machine can reach the address. A name other than localhost may resolve to anything. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  return isIP(bare) === 4 && bare.startsWith('127.');
};
