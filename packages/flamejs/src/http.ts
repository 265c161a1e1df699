/** Calls over HTTP, for programs in other languages: `POST /calls/:function`. Nothing of it is there unless it is mounted. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { AnyFlameFunction, CallStatus, Flame } from '@flamejs/queue';
import { FlameConfigError, FlameError } from '@flamejs/queue/errors';

export interface CallHandlerOptions {
  /** The functions that may be called; no other is. */
  readonly functions: readonly AnyFlameFunction[];
  /** What callers present as `Authorization: Bearer …`, at least 16 characters; several while one is replaced. Or who decides. */
  readonly auth: string | readonly string[] | ((request: Request) => boolean | Promise<boolean>);
  /** Where it stands, without the slash at the end. Default: none; `/calls/…` is looked for at the end of the path. */
  readonly basePath?: string;
  /** Largest body, in bytes. Default: 16 MB. */
  readonly maxBody?: number;
}

export interface CallHandler {
  /** For everything that speaks the web's `Request` and `Response`: Hono, Next.js routes, Bun, Deno. */
  fetch(request: Request): Promise<Response>;
  /** For `node:http`, Express and Connect: what is no path of it goes to `next`, or is answered with 404. */
  node(request: IncomingMessage, response: ServerResponse, next?: () => void): void;
}

const MAX_BODY = 16 * 1024 * 1024;
const SHORTEST_TOKEN = 16;
const BYTES = 'application/octet-stream';

/**
 * `POST /calls/:function` calls: the body is a JSON list of arguments, or, as `application/octet-stream`, one argument of bytes. It
 * answers with the result, as JSON or as bytes. `Idempotency-Key` is the call's id; with `Prefer: respond-async` the answer is
 * 202 and `{ id }` as soon as the call is durable. `GET /calls/:id` answers with the result when there is one, else with 202 and
 * where the call is.
 *
 * Errors are `{ error: { name, message, code } }`, without stacks: 400 for arguments, 401, 404, 409 for an id with other arguments,
 * 413, 500 for an error of the function, 503 when nothing was accepted and a later try may do, 504 when a time ran out.
 *
 * @throws FlameConfigError for a token that can be guessed, and when there is nothing to call
 */
export const createCallHandler = (flame: Flame, options: CallHandlerOptions): CallHandler => {
  const functions = new Map(options.functions.map((fn) => [fn.flameName, fn]));
  const mayCall = readAuth(options.auth);
  const maxBody = options.maxBody ?? MAX_BODY;
  if (functions.size === 0) throw misuse('functions', 'expected at least one function that may be called');

  const targetOf = (pathname: string): string | undefined => {
    const inner = options.basePath === undefined ? pathname : rest(pathname, options.basePath);
    const found = (options.basePath === undefined ? /\/calls\/([^/]+)$/ : /^\/calls\/([^/]+)$/).exec(inner ?? '');
    return found?.[1] === undefined ? undefined : safeDecode(found[1]);
  };

  const post = async (request: Request, name: string): Promise<Response> => {
    const fn = functions.get(name);
    if (fn === undefined) return fail(404, 'NotFound', `no function "${name}" can be called here`);
    const args = await readArguments(request, maxBody);
    if (args instanceof Response) return args;
    const id = request.headers.get('idempotency-key');
    const target = id === null ? fn : fn.with({ id });
    if (/\brespond-async\b/.test(request.headers.get('prefer') ?? '')) {
      const handle = await flame.cast(target as never, ...(args as never));
      return Response.json({ id: (handle as { id: string }).id }, { status: 202 });
    }
    return answer(await flame.call(target as never, ...(args as never)));
  };

  const get = async (id: string): Promise<Response> => {
    const handle = flame.attach(id);
    const status: CallStatus = await handle.status();
    // What others have called is none of the callers' business.
    if (status.state === 'unknown' || !functions.has(status.functionName)) return fail(404, 'NotFound', 'no such call');
    if (status.state === 'succeeded' || status.state === 'failed') return answer(await handle.result());
    const { state, reason, text, attempts } = status;
    return Response.json({ id, state, reason, text, attempts }, { status: 202 });
  };

  const handle = async (request: Request): Promise<Response | undefined> => {
    const target = targetOf(new URL(request.url).pathname);
    if (target === undefined) return undefined;
    if (!(await mayCall(request))) return fail(401, 'Unauthorized', 'a bearer token is needed', BEARER);
    try {
      if (request.method === 'POST') return await post(request, target);
      if (request.method === 'GET') return await get(target);
      return fail(405, 'MethodNotAllowed', 'POST calls, GET looks', { allow: 'GET, POST' });
    } catch (error) {
      return failure(error);
    }
  };

  return {
    fetch: async (request) => (await handle(request)) ?? fail(404, 'NotFound', 'no such path'),
    node(incoming, response, next) {
      const request = requestOf(incoming);
      handle(request)
        .then(async (result) => {
          if (result === undefined && next !== undefined) return next();
          await send(result ?? fail(404, 'NotFound', 'no such path'), response);
        })
        // The connection is gone, or its headers were sent by somebody else.
        .catch(() => response.destroy());
    },
  };
};

const BEARER = { 'www-authenticate': 'Bearer' };

const readAuth = (auth: CallHandlerOptions['auth']): ((request: Request) => boolean | Promise<boolean>) => {
  if (typeof auth === 'function') return auth;
  const tokens = [auth].flat();
  if (tokens.length === 0 || tokens.some((token) => typeof token !== 'string' || token.length < SHORTEST_TOKEN))
    throw misuse('auth', `expected tokens of at least ${SHORTEST_TOKEN} characters, or a function that decides`);
  const known = tokens.map(digest);
  return (request) => {
    const given = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    const asked = digest(given ?? '');
    // All are compared: how long it takes says nothing.
    return known.map((each) => timingSafeEqual(each, asked)).includes(true);
  };
};

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Counted while it is read: a length that a header says is no promise. */
const readArguments = async (request: Request, maxBody: number): Promise<readonly unknown[] | Response> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBody) return fail(413, 'PayloadTooLarge', `the body is larger than ${maxBody} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if ((request.headers.get('content-type') ?? '').startsWith(BYTES)) return [body];
  if (size === 0) return [];
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (Array.isArray(value)) return value;
  } catch {
    // Said below, as what was expected.
  }
  return fail(400, 'BadRequest', `expected a JSON list of arguments, or bytes as ${BYTES}`);
};

const answer = (value: unknown): Response => {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    return new Response(bytes, { headers: { 'content-type': BYTES } });
  }
  return new Response(JSON.stringify(value ?? null, plain), { headers: { 'content-type': 'application/json' } });
};

const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Set ? [...value] : value;
};

const STATUS: Readonly<Record<string, number>> = {
  FLAME_ERR_CODEC: 400,
  FLAME_ERR_CONFIG: 400,
  FLAME_ERR_ID_CONFLICT: 409,
  FLAME_ERR_REMOVED: 404,
  FLAME_ERR_PAYLOAD_TOO_LARGE: 413,
  FLAME_ERR_UNAVAILABLE: 503,
  FLAME_ERR_QUEUE_FULL: 503,
  FLAME_ERR_CLOSED: 503,
  FLAME_ERR_BOOT: 503,
  FLAME_ERR_QUEUE_TIMEOUT: 504,
  FLAME_ERR_TIMEOUT: 504,
  FLAME_ERR_DEADLINE: 504,
  FLAME_ERR_WAIT_TIMEOUT: 504,
};

const failure = (error: unknown): Response => {
  const name = error instanceof Error ? error.name : 'Error';
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof FlameError ? error.code : undefined;
  return fail((code === undefined ? undefined : STATUS[code]) ?? 500, name, message, {}, code);
};

const fail = (
  status: number,
  name: string,
  message: string,
  headers: Record<string, string> = {},
  code?: string,
): Response =>
  Response.json({ error: { name, message, ...(code === undefined ? {} : { code }) } }, { status, headers });

const rest = (pathname: string, base: string): string | undefined =>
  pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : undefined;

const safeDecode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const requestOf = (incoming: IncomingMessage & { originalUrl?: string }): Request => {
  const method = incoming.method ?? 'GET';
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
    method,
    headers,
    ...(hasBody ? { body: Readable.toWeb(incoming) as unknown as globalThis.ReadableStream, duplex: 'half' } : {}),
  } as RequestInit);
};

const send = async (result: Response, response: ServerResponse): Promise<void> => {
  response.writeHead(result.status, Object.fromEntries(result.headers));
  response.end(Buffer.from(await result.arrayBuffer()));
};

const misuse = (path: string, message: string): FlameConfigError =>
  new FlameConfigError(`createCallHandler: ${path}: ${message}`, { problems: [{ path, message }] });
