/**
 * The Host header must name us. Without this, a web page whose name is made to resolve to 127.0.0.1 (DNS rebinding) is of
 * our own origin to the browser, and may read and do everything that loopback may.
 */
import { isIP } from 'node:net';
import { isLoopback, type ParsedOptions } from '../options.ts';

/** @param header of the request @returns whether it names this server */
export const isOurHost = (
  header: string | undefined,
  options: Pick<ParsedOptions, 'host' | 'allowedHosts'>,
): boolean => {
  const name = hostName(header);
  if (name === undefined) return false;
  if (isLoopback(name)) return true;
  if (options.allowedHosts.includes(name)) return true;
  const bound = options.host.toLowerCase();
  if (name === bound) return true;
  // Rebinding needs a name. An address is what the user typed, when we listen on it.
  const everywhere = bound === '0.0.0.0' || bound === '::';
  return everywhere && isIP(name.replace(/^\[|\]$/g, '')) !== 0;
};

/** @returns the name in lower case without port; `undefined` for what is no host */
const hostName = (header: string | undefined): string | undefined => {
  if (header === undefined || !/^[A-Za-z0-9.:[\]-]+$/.test(header)) return undefined;
  const address = `http://${header}`;
  return URL.canParse(address) ? new URL(address).hostname.replace(/\.$/, '') : undefined;
};
