/** Who asks: by bearer token or basic authentication, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { ParsedOptions, Role } from '../options.ts';

export type Asker = { readonly role: Role } | undefined;

/**
 * @param header `Authorization`
 * @returns the role, or `undefined` when the request must be answered with 401. Without any credential we listen on loopback
 * only, and whoever is on this machine counts as operator.
 */
export const identify = (header: string | undefined, credentials: ParsedOptions['credentials']): Asker => {
  if (credentials.length === 0) return { role: 'operator' };
  const presented = parseAuthorization(header);
  if (presented === undefined) return undefined;
  let role: Role | undefined;
  // Every credential is compared, so that the time says nothing about which one nearly fits.
  for (const credential of credentials) {
    const fits =
      'token' in credential
        ? same(presented.secret, credential.token)
        : same(presented.user, credential.user) && same(presented.secret, credential.password) && !presented.bearer;
    if (fits && role !== 'operator') role = credential.role;
  }
  return role === undefined ? undefined : { role };
};

interface Presented {
  readonly bearer: boolean;
  readonly user: string;
  readonly secret: string;
}

const parseAuthorization = (header: string | undefined): Presented | undefined => {
  const [, scheme, value] = /^(bearer|basic) +(\S+)$/i.exec(header ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return { bearer: true, user: '', secret: value };
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { bearer: false, user: text.slice(0, colon), secret: text.slice(colon + 1) };
};

/** Hashes have one length, which timingSafeEqual needs and which hides that of the secret. */
const same = (a: string, b: string): boolean => timingSafeEqual(hash(a), hash(b));

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
