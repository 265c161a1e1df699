/**
 * ioredis' options, one by one: those that Flame leaves to you, and those with which its connections would not do what they
 * promise, with what to write instead. Refused where the config is read, not by the first call.
 */
import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';
import { didYouMean } from '@flamejs/protocol/suggest';

/** `works`, or why a value is refused; `undefined` for one that changes nothing. */
type Rule = 'works' | ((value: unknown) => string | undefined);

const unless =
  (allowed: readonly unknown[], why: string): Rule =>
  (value) =>
    allowed.includes(value) ? undefined : why;

const own = (what: string): string => `${what} by Flame itself: leave it out`;

const NO_PREFIX = 'would move keys away from where our scripts look for them: use the option `prefix` of flame.config';
const NO_PIPELINING = 'would change the order of commands: leave it out, Flame sends its commands in pipelines already';
const NO_TIMEOUT =
  'would cut the blocking reads of runners: bound calls by `timeout`, `queueTimeout` and `connectTimeout` of flame.config';
const NO_REPLICA = 'would read what is not yet, or no longer, true: Flame needs the primary';
const NO_REPLY_FORMAT = 'would change the form of replies: leave it out';

const common: Readonly<Record<string, Rule>> = {
  username: 'works',
  password: 'works',
  tls: 'works',
  family: 'works',
  connectTimeout: 'works',
  disconnectTimeout: 'works',
  keepAlive: 'works',
  noDelay: 'works',
  natMap: 'works',
  scripts: 'works',
  disableClientInfo: 'works',
  clientInfoTag: 'works',
  enableReadyCheck: 'works',
  maxLoadingRetryTime: 'works',
  showFriendlyErrorStack: 'works',
  Connector: 'works',
  lazyConnect: unless([false], own('connections are opened with the first call')),
  keyPrefix: unless(['', undefined], NO_PREFIX),
  enableAutoPipelining: unless([false], NO_PIPELINING),
  autoPipeliningIgnoredCommands: () => NO_PIPELINING,
  connectionName: () => `${own('connections are named')}; \`clientInfoTag\` tells yours apart`,
  maxRetriesPerRequest: unless([null], own('how long a command is tried is bounded')),
  socketTimeout: () => own('dead links are found'),
  reconnectOnError: unless([null, undefined], own('reconnecting is done')),
  autoResubscribe: unless([true], 'would leave callers without replies after a reconnect: leave it out'),
  autoResendUnfulfilledCommands: unless([true], 'would lose commands in a reconnect: leave it out'),
  commandQueue: unless([true], 'would lose replies: leave it out'),
  offlineQueue: unless([true], 'would lose commands: leave it out'),
  commandTimeout: () => NO_TIMEOUT,
  blockingTimeout: () => NO_TIMEOUT,
  blockingTimeoutGrace: () => NO_TIMEOUT,
  stringNumbers: unless([false], NO_REPLY_FORMAT),
  protocol: unless([2], NO_REPLY_FORMAT),
  replyMapping: () => NO_REPLY_FORMAT,
  himportFieldsets: () => 'is nothing that Flame uses: leave it out',
  monitor: unless([false], 'would turn the connection into a monitor: leave it out'),
};

const single: Readonly<Record<string, Rule>> = {
  ...common,
  host: 'works',
  port: 'works',
  path: 'works',
  db: 'works',
  sentinels: 'works',
  name: 'works',
  role: unless(['master'], NO_REPLICA),
  preferredSlaves: () => NO_REPLICA,
  readOnly: unless([false], NO_REPLICA),
  sentinelUsername: 'works',
  sentinelPassword: 'works',
  sentinelTLS: 'works',
  enableTLSForSentinelMode: 'works',
  sentinelRetryStrategy: 'works',
  sentinelReconnectStrategy: 'works',
  sentinelCommandTimeout: 'works',
  sentinelMaxConnections: 'works',
  updateSentinels: 'works',
  failoverDetector: 'works',
  retryStrategy: () => own('reconnecting is done, after 50 ms to 2 s,'),
  enableOfflineQueue: () => own('what waits for Redis, and how long, is decided'),
};

const cluster: Readonly<Record<string, Rule>> = {
  natMap: 'works',
  scripts: 'works',
  enableReadyCheck: 'works',
  maxRedirections: 'works',
  retryDelayOnFailover: 'works',
  retryDelayOnClusterDown: 'works',
  retryDelayOnTryAgain: 'works',
  retryDelayOnMoved: 'works',
  slotsRefreshTimeout: 'works',
  slotsRefreshInterval: 'works',
  clusterNodeRetryStrategy: 'works',
  useSRVRecords: 'works',
  resolveSrv: 'works',
  dnsLookup: 'works',
  showFriendlyErrorStack: 'works',
  redisOptions: 'works',
  lazyConnect: common.lazyConnect as Rule,
  keyPrefix: common.keyPrefix as Rule,
  enableAutoPipelining: common.enableAutoPipelining as Rule,
  autoPipeliningIgnoredCommands: common.autoPipeliningIgnoredCommands as Rule,
  himportFieldsets: common.himportFieldsets as Rule,
  clusterRetryStrategy: single.retryStrategy as Rule,
  enableOfflineQueue: single.enableOfflineQueue as Rule,
  scaleReads: unless(['master'], NO_REPLICA),
  shardedSubscribers: unless([false], 'would subscribe where our messages are not published: leave it out'),
};

const clusterNode: Readonly<Record<string, Rule>> = {
  ...common,
  db: unless([0], 'is not there on a cluster, which has one database: leave it out'),
};

const TABLES = { single, cluster, clusterNode };

/**
 * @param kind what the options are of: one server or Sentinel, a cluster, the nodes of one
 * @param path where they stand in the config
 * @returns a problem for each option that Flame cannot work with
 */
export const checkRedisOptions = (
  kind: keyof typeof TABLES,
  options: object,
  path: string,
): readonly ConfigProblem[] => {
  const rules = TABLES[kind];
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const message =
      rule === undefined
        ? `is no option that ioredis has here.${didYouMean(name, Object.keys(rules))}`
        : rule === 'works'
          ? undefined
          : rule(value);
    return message === undefined ? [] : [{ path: `${path}.${name}`, message }];
  });
};

/** ioredis takes options from the query of a URL too, as text. */
export const optionsInUrl = (url: string): Record<string, unknown> => {
  const query = URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams(url.split('?')[1] ?? '');
  return Object.fromEntries(Array.from(query, ([name, text]) => [name, LITERALS.get(text) ?? text]));
};

const LITERALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
]);
