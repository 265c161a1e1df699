/** The options of an app in flame.config.ts: what each accepts, its unit, its default, and the sentence that documents it. */

import type { ConfigProblem } from '@flamejs/protocol/errors/input-errors';
import { no, type Parsed, show, yes } from '@flamejs/protocol/parsed';
import { readKeyList } from '@flamejs/protocol/payload/keys';
import type { EncryptionKey } from '@flamejs/protocol/payload/types';
import { isPoolName } from '../call-options.ts';
import type { Telemetry } from '../telemetry/types.ts';
import { duration, field, flag, passEnv, paths, pluggable, required, whole } from './fields.ts';
import type { ConfigInput, RedisInput } from './input.ts';
import { MAX_RUNNERS, type ParsedPool, poolShape } from './pool-shape.ts';
import { readAlerts } from './read-alerts.ts';
import { type Field, isObject, type Output, readShape, type Shape } from './shape.ts';

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

export const appShape = {
  app: required(
    {
      description: 'Names the application: part of every key in Redis and of every label on machines.',
      kind: 'string',
      default: 'required',
    },
    (value) =>
      isPoolName(value)
        ? yes(value)
        : no(`expected a lower-case letter followed by up to 62 of a-z, 0-9 and "-", got ${show(value)}`),
  ),
  redis: field(
    {
      description:
        'Where Redis is: a URL, ioredis options, Sentinel options or `{ cluster: nodes, options }`; FLAME_REDIS_URL wins over it.',
      kind: 'URL or object',
      default: 'REDIS_URL, else that of `flame dev`, else redis://127.0.0.1:6379',
    },
    // Read where the environment is known: it may replace the address.
    (value) => yes(value as RedisInput),
  ),
  functions: paths('Modules that runners load, as paths or glob patterns relative to the config file.', '[]'),
  pools: {
    doc: {
      description: 'The pools by name; names are lower-case letters, digits and `-`.',
      kind: 'record of pools',
      default: 'required',
    },
    read(value, path, problems) {
      if (!isObject(value)) {
        problems.push({ path, message: 'expected an object with at least one pool, such as { images: { max: 10 } }' });
        return undefined;
      }
      const expected = 'expected an object with the options of a pool';
      const pools = Object.entries(value).map(([name, pool]) => [
        name,
        readShape(poolShape, pool, `${path}.${name}`, expected, problems),
      ]);
      return Object.fromEntries(pools) as Readonly<Record<string, ParsedPool>>;
    },
  } satisfies Field<Readonly<Record<string, ParsedPool>>>,
  passEnv: passEnv(
    'Variables of runners that the executors of every pool get too, by name or pattern (`AWS_*`, `*`), beside the documented basics. Secrets of Flame are never among them.',
  ),
  quota: whole(
    'Most runners of all pools together, whatever their `max` adds up to; physical instances never exceed it.',
    'none',
    1,
    MAX_RUNNERS,
  ),
  prefix: field({ description: 'First part of every key in Redis.', kind: 'string', default: 'flame' }, (value) =>
    typeof value === 'string' && NAME.test(value)
      ? yes(value)
      : no(`expected 1 to 64 letters, digits and "_.-", got ${show(value)}`),
  ),
  connectTimeout: duration(
    'How long a call waits for Redis to be reachable before it fails with FlameUnavailableError.',
    '5s',
  ),
  release: field(
    {
      description: 'Names the version of the code that callers and runners run; FLAME_RELEASE wins over it.',
      kind: 'string',
      default: 'a hash of the git commit, else of the package version',
    },
    (value) =>
      typeof value === 'string' && value.length >= 1 && value.length <= 128
        ? yes(value)
        : no(`expected a text of 1 to 128 characters, got ${show(value)}`),
  ),
  signingKey: field(
    {
      description:
        'Secret of at least 16 characters that signs calls; needed when Redis is on another host; FLAME_SIGNING_KEY wins over it.',
      kind: 'string',
      default: 'none',
    },
    (value) => readSigningKey(value),
  ),
  encryptionKeys: {
    doc: {
      description:
        'Keys for `flame.secret` and `encrypt()`: the first encrypts, all decrypt; FLAME_ENCRYPTION_KEYS (`id:key,id:key`) wins over it.',
      kind: 'list of { id, key }',
      default: 'none',
    },
    read: readKeyList,
  } satisfies Field<readonly EncryptionKey[]>,
  payload: field(
    {
      description:
        'What happens to the bytes of calls in Redis, in order: `compress()`, `encrypt()` of `flamejs/payload`, or `{ name, seal, open }`.',
      kind: 'transform or list of them',
      default: 'none',
    },
    // Read where the keys are known: they may come from the environment.
    (value) => yes(value as ConfigInput['payload']),
  ),
  heartbeatTimeout: duration(
    'How long a runner goes on without a heartbeat of the autoscaler before it drains and ends its machine.',
    "the backend's, else 60s",
  ),
  failsafeTimeout: duration(
    "How long a runner waits for the autoscaler's first heartbeat before it ends its machine.",
    "the backend's, else 60s",
  ),
  maxCallDepth: whole(
    'Most calls that await each other in a row; a further one is refused with FlameCallLoopError.',
    '32',
    1,
    1_000,
  ),
  maxLoopRate: whole(
    'Casts a second in one line of calls that make each other, once a function stands in its own line; further ones are refused with FlameCallLoopError.',
    '10',
    1,
    1_000_000,
  ),
  signatureTtl: duration(
    "How long after a signed call is due runners may begin it; at least the call's `failedTtl` and 7 days more.",
    '30d',
  ),
  requireSignedTime: flag(
    'Refuses signed calls that do not say when they are due, as callers of before this option made them.',
    'false',
  ),
  telemetry: pluggable<Telemetry>(
    'Traces calls across processes: `otel()` of `flamejs/otel`.',
    'telemetry',
    ['beginCall', 'beginAttempt', 'run', 'flush'],
    'none',
  ),
  alerts: field(
    {
      description: 'Who is told when something is wrong: `{ on, webhook: { url, secret }, waitLongerThan }`.',
      kind: 'object',
      default: 'nobody',
    },
    readAlerts,
  ),
  allowEviction: flag('Accepts a Redis that evicts keys when memory is short, and with it the loss of calls.', 'false'),
  allowInsecureRedis: flag('Accepts a Redis on another host without authentication.', 'false'),
} satisfies Shape & Record<keyof ConfigInput, unknown>;

/** @returns the app's options; of use only when no problem was added */
export const readApp = (input: unknown, problems: ConfigProblem[]): Output<typeof appShape> | undefined =>
  readShape(appShape, input, '', 'expected an object with the options of the app', problems);

/** Never shows the key. */
export const readSigningKey = (value: unknown): Parsed<string> =>
  typeof value === 'string' && value.length >= 16 ? yes(value) : no('expected a secret text of at least 16 characters');
