/**
 * The API server through the official client's configuration: kubeconfigs, service accounts, exec plugins, proxies and tokens
 * that are renewed are its business. The requests are our own, for its informer asks for no bookmarks and is dead after one
 * error, and its typed models drop fields that they do not know instead of having the server refuse them.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { createInterface } from 'node:readline';
import { FlameConfigError } from '@flamejs/queue';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Api, ApiError, type ApiRequest, statusFrom, type WatchEvent } from './api.ts';
import type { KubernetesSettings } from './options.ts';

const OWN_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** Whose credentials, and for how long a request may take. */
export type ClientSettings = Pick<KubernetesSettings, 'kubeconfig' | 'context' | 'requestTimeoutMs'>;

/** @returns an API that loads the client and reads its configuration when it is first used. */
export const createClient = (settings: ClientSettings): Api => {
  let loaded: Promise<KubeConfig> | undefined;
  let agent: { readonly key: string; readonly agent: Agent } | undefined;

  const config = (): Promise<KubeConfig> => {
    loaded ??= load(settings).catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };

  /** Connections are kept for as long as the credentials stay the same. Behind a proxy the client's own agent is used. */
  const keptAgent = (made: RequestOptions['agent'], options: RequestOptions): RequestOptions['agent'] => {
    if (made === undefined || made === false || made === true || made.constructor !== Agent) return made;
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const name = [ca, cert, key, servername, rejectUnauthorized].map(String).join('\n');
    if (agent?.key !== name) {
      agent?.agent.destroy();
      agent = { key: name, agent: new Agent({ ...(made as Agent).options, keepAlive: true }) };
    }
    return agent.agent;
  };

  const open = async (
    { method, path, query = {}, body }: ApiRequest,
    signal: AbortSignal,
    background: boolean,
  ): Promise<IncomingMessage> => {
    const kube = await config();
    const server = kube.getCurrentCluster()?.server;
    if (server === undefined) throw new ApiError('the kubeconfig names no cluster');
    const options: RequestOptions = {};
    await kube.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    const base = new URL(server);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const search = new URLSearchParams(query).toString();
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          ...options,
          agent: keptAgent(options.agent, options),
          protocol: base.protocol,
          hostname: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: `${base.pathname.replace(/\/$/, '')}${path}${search === '' ? '' : `?${search}`}`,
          method,
          signal,
          headers: {
            ...options.headers,
            accept: 'application/json',
            'user-agent': 'flamejs',
            ...(text === undefined
              ? {}
              : { 'content-type': CONTENT_TYPES[method], 'content-length': String(Buffer.byteLength(text)) }),
          },
        },
        resolve,
      );
      // A watch alone keeps no process alive.
      if (background) sent.once('socket', (socket) => socket.unref());
      sent.once('error', (cause) => reject(new ApiError(`${method} ${path}: ${cause.message}`, undefined, { cause })));
      sent.end(text);
    });
  };

  return {
    async namespace() {
      const kube = await config();
      const own = existsSync(OWN_NAMESPACE) ? readFileSync(OWN_NAMESPACE, 'utf8').trim() : undefined;
      return own ?? kube.getContextObject(kube.getCurrentContext())?.namespace ?? 'default';
    },
    async send(asked, signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]);
      const response = await open(asked, within, false);
      return answerOf(asked, response);
    },
    async *watch(path, query, signal) {
      const asked: ApiRequest = { method: 'GET', path, query: { ...query, watch: 'true' } };
      const response = await open(asked, signal, true);
      if (response.statusCode !== 200) {
        await answerOf(asked, response);
        throw new ApiError(`watch ${path}: answered ${response.statusCode}`);
      }
      try {
        for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY }))
          if (line !== '') yield JSON.parse(line) as WatchEvent;
      } catch (cause) {
        throw new ApiError(`watch ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, undefined, {
          cause,
        });
      } finally {
        response.destroy();
      }
    },
    close() {
      agent?.agent.destroy();
      agent = undefined;
    },
  };
};

/** A patch says with its type what absent fields mean: that they stay. */
const CONTENT_TYPES: Readonly<Record<ApiRequest['method'], string>> = {
  GET: 'application/json',
  POST: 'application/json',
  DELETE: 'application/json',
  PATCH: 'application/merge-patch+json',
};

const answerOf = async ({ method, path }: ApiRequest, response: IncomingMessage): Promise<unknown> => {
  const code = response.statusCode ?? 0;
  let text = '';
  try {
    response.setEncoding('utf8');
    for await (const chunk of response) text += chunk;
  } catch (cause) {
    throw new ApiError(`${method} ${path}: the answer was cut`, undefined, { cause });
  }
  if (code < 200 || code > 299) {
    const status = statusFrom(code, text, response.headers['retry-after']);
    throw new ApiError(status.message, status);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError(`${method} ${path}: the answer is no JSON`, undefined, { cause });
  }
};

const load = async ({ kubeconfig, context }: ClientSettings): Promise<KubeConfig> => {
  const { KubeConfig: Config } = await loadPackage();
  const config = new Config();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (cause) {
    const message = `the kubeconfig cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new FlameConfigError(`kubernetes(): ${message}`, { problems: [{ path: 'kubeconfig', message }], cause });
  }
  if (context === undefined) return config;
  if (config.getContextObject(context) === null) {
    const message = `the kubeconfig has no context ${context}`;
    throw new FlameConfigError(`kubernetes(): ${message}`, { problems: [{ path: 'context', message }] });
  }
  config.setCurrentContext(context);
  return config;
};

const loadPackage = async (): Promise<typeof import('@kubernetes/client-node')> => {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    const advice = 'Run `npm install @kubernetes/client-node@1`; version 2 needs Node 22.19 or later.';
    throw new FlameConfigError('kubernetes() needs the package @kubernetes/client-node, which could not be loaded', {
      problems: [{ path: '', message: 'npm install @kubernetes/client-node@1' }],
      advice,
      cause,
    });
  }
};
