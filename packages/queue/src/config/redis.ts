/** Where Redis is, and whether that is safe as far as the address alone can tell. Messages never contain a password. */

import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';
import { show } from '@flamejs/protocol/parsed';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisInput } from './input.ts';
import { checkRedisOptions, optionsInUrl } from './redis-options.ts';
import type { RedisConfig } from './types.ts';

export interface RedisReading {
  readonly config: RedisConfig;
  readonly problems: readonly ConfigProblem[];
  /** Hosts that are not on this machine. */
  readonly remote: readonly string[];
  /** A password or a client certificate is configured. */
  readonly authenticated: boolean;
  /** TLS is told to accept any certificate, so that anybody on the way can be the server. */
  readonly unverified: boolean;
}

export const DEFAULT_REDIS_URL = 'redis://127.0.0.1:6379';

/**
 * @param input the config's `redis`
 * @param url from the environment; its address and credentials replace those of `input`, other options of which stay
 */
export const readRedis = (input: RedisInput | undefined, url: string | undefined): RedisReading => {
  if (url !== undefined) return overridden(input, url);
  if (input === undefined) return single(DEFAULT_REDIS_URL, {}, 'redis');
  if (typeof input === 'string') return single(input, {}, 'redis');
  if (typeof input !== 'object' || input === null) {
    return broken('redis', `expected a URL or an object with options, got ${show(input)}`);
  }
  if ('url' in input) return broken('redis.url', 'is no option of ioredis: give the URL itself as `redis`');
  return isCluster(input) ? cluster(input.cluster, input.options ?? {}) : single(undefined, input, 'redis');
};

const overridden = (input: RedisInput | undefined, url: string): RedisReading => {
  const path = 'FLAME_REDIS_URL';
  const address = parseUrl(url);
  if (typeof input !== 'object' || input === null || address === undefined) return single(url, {}, path);
  const { host, port, username, password, tls } = address;
  const credentials = { ...(username && { username }), ...(password && { password }) };
  if (isCluster(input)) {
    const { username: _u, password: _p, tls: ownTls, ...node } = input.options?.redisOptions ?? {};
    const redisOptions = { ...node, ...credentials, ...(tls && { tls: ownTls ?? {} }) };
    return cluster([{ host: host ?? '127.0.0.1', port }], { ...input.options, redisOptions } as ClusterOptions);
  }
  const {
    host: _h,
    port: _n,
    path: _s,
    sentinels: _l,
    name: _m,
    username: _u,
    password: _p,
    db: _d,
    tls: own,
    ...rest
  } = input;
  if (!tls || own === undefined) return single(url, rest, path);
  // A URL would switch TLS on without the certificates that the config has for it.
  const { db } = address;
  return single(
    undefined,
    { ...rest, ...credentials, host: host ?? '127.0.0.1', port, db, tls: own } as RedisOptions,
    path,
  );
};

const single = (url: string | undefined, options: RedisOptions, path: string): RedisReading => {
  const config: RedisConfig = { kind: 'single', url, options };
  const problems = [
    ...checkRedisOptions('single', options, 'redis'),
    ...(url === undefined ? [] : checkRedisOptions('single', optionsInUrl(url), path)),
  ];
  const secured = (password: unknown): boolean => isSet(password) || isSet(options.tls?.cert);
  const unverified = options.tls?.rejectUnauthorized === false;
  if (url === undefined) {
    const hosts = options.path
      ? []
      : (options.sentinels?.map((sentinel) => sentinel.host ?? 'localhost') ?? [options.host ?? 'localhost']);
    return {
      config,
      problems,
      remote: hosts.filter(isRemote),
      authenticated: secured(options.password),
      unverified,
    };
  }
  const address = parseUrl(url);
  if (address === undefined) {
    const scheme = /^([a-z0-9+.-]{1,20}):/i.exec(url)?.[1];
    const found = scheme === undefined ? 'a text that is none' : `one that begins with "${scheme}:"`;
    return broken(path, `expected a URL such as redis://host:6379 or rediss://user:password@host:6380, got ${found}`);
  }
  const { host } = address;
  return {
    config,
    problems,
    remote: host !== undefined && isRemote(host) ? [host] : [],
    authenticated: secured(address.password) || isSet(options.password),
    unverified,
  };
};

type ClusterInput = Extract<RedisInput, { readonly cluster: unknown }>;

const cluster = (nodes: ClusterInput['cluster'], options: ClusterOptions): RedisReading => {
  if (!Array.isArray(nodes) || nodes.length === 0)
    return broken('redis.cluster', 'expected a list of at least one node');
  const problems: ConfigProblem[] = [
    ...checkRedisOptions('cluster', options, 'redis.options'),
    ...checkRedisOptions('clusterNode', options.redisOptions ?? {}, 'redis.options.redisOptions'),
  ];
  let password: unknown = options.redisOptions?.password;
  const parsed = (nodes as ClusterInput['cluster']).map((node, index) => {
    const address = typeof node === 'string' ? parseUrl(node) : node;
    password ??= typeof node === 'string' ? parseUrl(node)?.password : undefined;
    if (typeof address?.host === 'string') return { host: address.host, port: address.port ?? 6379 };
    problems.push({ path: `redis.cluster.${index}`, message: 'expected a redis:// URL or { host, port }' });
    return { host: '', port: 0 };
  });
  const redisOptions = { ...(isSet(password) && { password }), ...options.redisOptions };
  return {
    config: { kind: 'cluster', nodes: parsed, options: { ...options, redisOptions } as ClusterOptions },
    problems,
    remote: parsed.map(({ host }) => host).filter((host) => host !== '' && isRemote(host)),
    authenticated: isSet(password) || isSet(options.redisOptions?.tls?.cert),
    unverified: options.redisOptions?.tls?.rejectUnauthorized === false,
  };
};

interface Address {
  /** `undefined` for a socket file. */
  readonly host: string | undefined;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly db: number;
  readonly tls: boolean;
}

const parseUrl = (url: string): Address | undefined => {
  if (url.startsWith('/')) return { host: undefined, port: 0, username: '', password: '', db: 0, tls: false };
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  if (!/^rediss?:$/.test(protocol)) return undefined;
  return {
    host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port) || 6379,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password) || (searchParams.get('password') ?? ''),
    db: Number(pathname.slice(1)) || 0,
    tls: protocol === 'rediss:',
  };
};

const LOOPBACK =
  /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3}|::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\.?$/i;

const isRemote = (host: string): boolean => !LOOPBACK.test(host);

const isCluster = (input: object): input is ClusterInput => 'cluster' in input;

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

/** The address is of no use, but other problems of the config should still be found. */
const broken = (path: string, message: string): RedisReading => ({
  config: { kind: 'single', url: DEFAULT_REDIS_URL, options: {} },
  problems: [{ path, message }],
  remote: [],
  authenticated: true,
  unverified: false,
});
