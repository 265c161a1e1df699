/**
 * A TLS socket that ends in the middle of its handshake may report two errors: that it does not trust the certificate, and the
 * other side's alarm about the end. ioredis listens to one, and an `error` event that nobody hears ends the process.
 */
import type { Socket } from 'node:net';
import type { Cluster, Redis } from 'ioredis';

/** For every connection that is opened, with the connection's nodes when it is a cluster. */
export const outliveStreamErrors = (client: Redis | Cluster): void => {
  if (client.isCluster) client.on('+node', (node: Redis) => outliveStreamErrors(node));
  else listen(client as Redis);
};

const listen = (client: Redis): void => {
  const heard = new WeakSet<Socket>();
  const hear = (): void => {
    const { stream } = client as unknown as { readonly stream?: Socket };
    if (stream === undefined || stream === null || heard.has(stream)) return;
    heard.add(stream);
    // The first error has been told, or the connection is no longer wanted.
    stream.on('error', () => undefined);
  };
  client.on('error', hear);
  const { disconnect } = client;
  client.disconnect = function disconnectHeard(...args) {
    hear();
    disconnect.apply(this, args);
  };
};
