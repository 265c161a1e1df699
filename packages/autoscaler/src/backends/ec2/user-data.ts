/**
 * The script that a machine runs at its first boot. Its rules: the first line arms a timer that ends the machine; nothing
 * cancels it, only contact moves it on; however the script ends, the machine ends; it names secrets and carries none.
 */
import { basename } from 'node:path';
import type { LaunchRequest } from '@flamejs/queue';
import { IMAGE as IMAGE_ADDRESS, ofRelease } from '../by-release.ts';
import type { Ec2Settings, Market, SecretReference } from './options.ts';
import { ARCHIVE as ARCHIVE_ADDRESS } from './parse-application.ts';
import { ARCHIVE, CONTACT, HEAD, IMAGE, INIT, RUN, SECRETS, SPOT } from './user-data-script.ts';

/** EC2's limit, on the raw script. */
export const MAX_USER_DATA_BYTES = 16_384;

export interface UserDataSpec {
  readonly settings: Ec2Settings;
  readonly market: Market;
  readonly release: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the machine has to fetch before the runner starts. */
  readonly secrets: Ec2Settings['secrets'];
}

export const userDataSpec = (request: LaunchRequest, settings: Ec2Settings, market: Market): UserDataSpec => ({
  settings,
  market,
  release: request.release,
  env: environment(request, settings),
  // A reference that this app has no use for (a cluster has no URL) is not fetched.
  secrets: {
    redisUrl: request.secrets.FLAME_REDIS_URL === undefined ? undefined : settings.secrets.redisUrl,
    signingKey: request.secrets.FLAME_SIGNING_KEY === undefined ? undefined : settings.secrets.signingKey,
    encryptionKeys: request.secrets.FLAME_ENCRYPTION_KEYS === undefined ? undefined : settings.secrets.encryptionKeys,
  },
});

/** The controller's path of the config file means nothing on another machine; its name does. */
const environment = (request: LaunchRequest, { application }: Ec2Settings): Readonly<Record<string, string>> => {
  const { FLAME_CONFIG, ...env } = request.env;
  const config = application.config ?? (FLAME_CONFIG === undefined ? undefined : basename(FLAME_CONFIG));
  return config === undefined ? env : { ...env, FLAME_CONFIG: config };
};

/** @returns the script. The same spec gives the same bytes: replays under one client token depend on it. */
export const renderUserData = (spec: UserDataSpec): string => {
  const { settings } = spec;
  const { application } = settings;
  const isImage = 'image' in application;
  return [
    '#!/bin/bash',
    `shutdown --no-wall -h +${settings.deadManMinutes} || poweroff`,
    HEAD,
    assign('dead_man_minutes', String(settings.deadManMinutes)),
    assign('max_lifetime_s', String(Math.round(settings.maxLifetimeMs / 1000))),
    assign('region', settings.region),
    `export AWS_DEFAULT_REGION="$region" AWS_EC2_METADATA_SERVICE_NUM_ATTEMPTS=5`,
    INIT,
    assignments(spec.env),
    SECRETS,
    `run_as=${quote(isImage ? application.user : 'flame:flame')}`,
    isImage ? IMAGE.prepare : ARCHIVE.prepare,
    ...fetchSecret('redis-url', 'FLAME_REDIS_URL_FILE', spec.secrets.redisUrl),
    ...fetchSecret('signing-key', 'FLAME_SIGNING_KEY_FILE', spec.secrets.signingKey),
    ...fetchSecret('encryption-keys', 'FLAME_ENCRYPTION_KEYS_FILE', spec.secrets.encryptionKeys),
    ...(isImage
      ? [
          assign('image', ofRelease(application.image, spec.release, IMAGE_ADDRESS, 'ec2({ application.image })')),
          list('command', application.command),
          list('run_arguments', application.runArguments),
        ]
      : [
          assign(
            'archive',
            ofRelease(application.archive, spec.release, ARCHIVE_ADDRESS, 'ec2({ application.archive })'),
          ),
          assign('archive_sha256', application.sha256 ?? ''),
          list('command', application.command),
        ]),
    isImage ? IMAGE.fetch : ARCHIVE.fetch,
    CONTACT,
    ...(spec.market === 'spot' ? [SPOT] : []),
    isImage ? IMAGE.start : ARCHIVE.start,
    RUN,
    '',
  ].join('\n');
};

/** One assignment a line between two marks, so that people (and the tests' stand-in for cloud-init) find them. */
const assignments = (env: Readonly<Record<string, string>>): string =>
  [
    '# flame:env:begin',
    'vars=(',
    ...Object.entries(env)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `  ${quote(`${name}=${value}`)}`),
    ')',
    '# flame:env:end',
  ].join('\n');

const fetchSecret = (file: string, variable: string, secret: SecretReference | undefined): readonly string[] => {
  if (secret === undefined) return [];
  const [command, name] =
    'ssm' in secret
      ? ['ssm get-parameter --with-decryption --query Parameter.Value --output text --name', secret.ssm]
      : ['secretsmanager get-secret-value --query SecretString --output text --secret-id', secret.secretsManager];
  return [`fetch_secret ${file} ${variable} aws ${command} ${quote(name)}`];
};

const assign = (name: string, value: string): string => `${name}=${quote(value)}`;
const list = (name: string, values: readonly string[]): string => `${name}=(${values.map(quote).join(' ')})`;

/** Bash's single quotes: nothing in them is special but the quote itself. */
export const quote = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;
