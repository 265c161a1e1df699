/** (b) The client-token store: the same token with the same parameters is the same request; with others it is a mistake. */
import { Ec2Fault, invalidValue } from './fault.ts';
import type { Params } from './query.ts';

export interface TokenStore {
  /** @returns ids of the instances that this token made, or `undefined` when it made none yet. @throws on a mismatch. */
  find(token: string, params: Params): readonly string[] | undefined;
  remember(token: string, params: Params, ids: readonly string[]): void;
  /** A request with this token failed. */
  failed(token: string, params: Params): void;
}

export const createTokenStore = (bindsOnFailure: boolean): TokenStore => {
  const known = new Map<string, { fingerprint: string; ids: readonly string[] | undefined }>();
  return {
    find: (token, params) => {
      if (token.length === 0 || token.length > 64 || !/^[\x20-\x7e]+$/.test(token)) {
        throw invalidValue('Client token must be 1 to 64 ASCII characters.');
      }
      const entry = known.get(token);
      if (entry === undefined) return undefined;
      if (entry.fingerprint !== fingerprint(params)) {
        throw new Ec2Fault(
          'IdempotentParameterMismatch',
          'The request uses the same client token as a previous, but non-identical request.',
        );
      }
      return entry.ids;
    },
    remember: (token, params, ids) => known.set(token, { fingerprint: fingerprint(params), ids }),
    failed: (token, params) => {
      if (bindsOnFailure && !known.has(token)) known.set(token, { fingerprint: fingerprint(params), ids: undefined });
    },
  };
};

const fingerprint = (params: Params): string =>
  JSON.stringify(params, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
