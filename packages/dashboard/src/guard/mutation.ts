/**
 * Whether a request that changes something was made by our own pages. A browser attaches credentials (and loopback's
 * trust) to requests of any page it shows; what it cannot be made to do is to lie about where they come from.
 */

export interface MutationFacts {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
  readonly contentType: string | undefined;
  readonly hasBody: boolean;
}

const SAFE = new Set(['GET', 'HEAD']);

export const isMutation = (method: string): boolean => !SAFE.has(method);

/** @returns why the request is refused, or `undefined` when it may go on. */
export const refuseMutation = (facts: MutationFacts): string | undefined => {
  const { host, origin, secFetchSite, contentType, hasBody } = facts;
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin')
    return 'it comes from another site (Sec-Fetch-Site)';
  if (origin !== undefined && !isOwnOrigin(origin, host))
    return 'its Origin is not this dashboard: behind a proxy that changes Host, name the proxy in `trustProxy` and the public name in `allowedHosts`';
  if (origin === undefined && secFetchSite === undefined) {
    return 'it has neither Origin nor Sec-Fetch-Site: programs send `Origin` with the address of the dashboard';
  }
  // Forms and `no-cors` requests, which need no permission to be sent, cannot have this type.
  const isJson = /^application\/json\s*(;|$)/i.test(contentType ?? '');
  if (contentType !== undefined && !isJson) return `its Content-Type is not application/json`;
  if (hasBody && !isJson) return 'it has a body without Content-Type application/json';
  return undefined;
};

const isOwnOrigin = (origin: string, host: string | undefined): boolean => {
  if (host === undefined || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  // TLS may end at a proxy, so the scheme is not compared. `new URL` drops a default port; so must we.
  return (
    (url.protocol === 'http:' || url.protocol === 'https:') && url.host === new URL(`${url.protocol}//${host}`).host
  );
};

/** Tricks that turn a harmless request into another one behind our back, if anything on the way obeys them. */
export const OVERRIDE_HEADERS: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];
