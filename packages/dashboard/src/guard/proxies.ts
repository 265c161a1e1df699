/** Which connections come from proxies of ours, and what such a proxy says of the request. */
import { BlockList, isIP } from 'node:net';

/** Headers by which a request tells that it came through a proxy. Anybody can send them; nobody is trusted for it. */
export const FORWARDING_HEADERS: readonly string[] = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/** @returns whether an address is one of these, or in one of these networks */
export const parseProxies = (
  names: readonly string[],
  refuse: (message: string) => void,
): ((address: string | undefined) => boolean) => {
  const list = new BlockList();
  for (const name of names.flatMap((given) => (given === 'loopback' ? ['127.0.0.0/8', '::1'] : [given]))) {
    const [address = '', bits, ...rest] = name.split('/');
    const version = isIP(address);
    const most = version === 6 ? 128 : 32;
    const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    if (version === 0 || !fits || rest.length > 0) {
      refuse(`expected an address, a network such as 10.0.0.0/8, or loopback, got ${JSON.stringify(name)}`);
      continue;
    }
    list.addSubnet(address, bits === undefined ? most : Number(bits), version === 6 ? 'ipv6' : 'ipv4');
  }
  return (address) => {
    // An IPv4 client of a server that listens on both.
    const bare = address?.replace(/^::ffff:/, '') ?? '';
    const version = isIP(bare);
    return version !== 0 && list.check(bare, version === 6 ? 'ipv6' : 'ipv4');
  };
};

/** @returns the host that the browser named: by the header of a trusted proxy, the nearest one when there are several, else `Host` */
export const askedHost = (header: (name: string) => string | undefined, trusted: boolean): string | undefined => {
  const forwarded = trusted ? header('x-forwarded-host')?.split(',').at(-1)?.trim() : undefined;
  return forwarded === undefined || forwarded === '' ? header('host') : forwarded;
};
