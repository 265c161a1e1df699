/**
 * Sends alerts to a webhook: signed, so that its owner knows that they are ours; tried again, so that one that restarts misses
 * nothing; and never to an address inside of the network unless the config allows it, whatever a name resolves to.
 */
import { createHmac } from 'node:crypto';
import { type LookupAddress, lookup } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert } from './alert.ts';

export interface WebhookConfig {
  readonly url: string;
  /** Signs what is sent; at least 16 characters. */
  readonly secret: string;
  /** Whether addresses of this machine and of private networks may be reached. */
  readonly allowPrivate: boolean;
}

const TRIES = 5;
const ANSWER_MS = 10_000;

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Also where clouds answer with credentials.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE.addSubnet(network, prefix, 'ipv6');

/** @returns whether it is an address of this machine, of a private network, or of none. IPv4 within IPv6 is judged as IPv4. */
export const isPrivateAddress = (address: string): boolean => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  const family = isIP(address);
  return family === 0 || PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4');
};

/** What `Flame-Signature` says: `t=<seconds>,v1=<hex>`, an HMAC-SHA256 over `<seconds>.<body>`. */
export const webhookSignature = (secret: string, seconds: number, body: string): string =>
  `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;

export interface Delivery {
  readonly delivered: boolean;
  /** Why not. */
  readonly error?: string;
}

/** Never rejects. @param firstPauseMs before the second try; doubled for each further one */
export const sendToWebhook = async (
  config: WebhookConfig,
  alert: Alert,
  signal: AbortSignal,
  firstPauseMs = 1_000,
): Promise<Delivery> => {
  const body = JSON.stringify(alert);
  let error = 'it was not tried';
  for (let tries = 0; tries < TRIES && !signal.aborted; tries += 1) {
    if (tries > 0) await sleep(firstPauseMs * 2 ** (tries - 1), undefined, { signal }).catch(() => undefined);
    const result = await post(config, body, signal);
    if (result === undefined) return { delivered: true };
    error = result.why;
    // It will say the same again.
    if (result.final) break;
  }
  return { delivered: false, error };
};

interface Failure {
  readonly why: string;
  readonly final: boolean;
}

const post = (config: WebhookConfig, body: string, signal: AbortSignal): Promise<Failure | undefined> =>
  new Promise((resolve) => {
    const url = new URL(config.url);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (!config.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) {
      resolve({ why: refusal(host), final: true });
      return;
    }
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'User-Agent': 'flame-alerts',
        'Flame-Signature': webhookSignature(config.secret, Math.floor(Date.now() / 1000), body),
      },
      agent: false,
      timeout: ANSWER_MS,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * ANSWER_MS)]),
      // Looked at where the connection goes, so that a name cannot say one thing here and another there. Redirects are not followed.
      ...(config.allowPrivate ? {} : { lookup: publicOnly }),
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    request.on('error', (error) => resolve({ why: error.message, final: error instanceof PrivateAddressError }));
    request.on('response', (response) => {
      response.resume();
      const { statusCode = 0 } = response;
      if (statusCode >= 200 && statusCode < 300) resolve(undefined);
      else
        resolve({
          why: `it answered ${statusCode}`,
          final: statusCode < 500 && statusCode !== 408 && statusCode !== 429,
        });
    });
    request.end(body);
  });

class PrivateAddressError extends Error {}

const refusal = (address: string): string =>
  `${address} is an address of a private network: set \`allowPrivate: true\` for the webhook if that is meant`;

const publicOnly: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    const addresses = found as unknown as readonly LookupAddress[];
    if (error !== null) return callback(error, '', 0);
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    if (bad !== undefined) return callback(new PrivateAddressError(refusal(bad.address)), '', 0);
    if (options.all === true) return callback(null, [...addresses]);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family ?? 4);
  });
};
