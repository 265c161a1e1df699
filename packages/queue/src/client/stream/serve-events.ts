/** A stream as server-sent events: what a page's `EventSource` reads, and picks up again where its connection broke. */
import { FlameConfigError, FlameError } from '@flamejs/protocol/errors';
import type { Flame } from '../flame.ts';

/** What `serveEvents` needs beside the request. */
export interface ServeEventsOptions<Item = unknown> {
  /** The call whose items are served: `stream.id`. */
  readonly id: string;
  /** Whether whoever asks may read this call; asked each time, reconnects included. An id is no secret and gives no right. */
  readonly authorize: (request: Request, id: string) => boolean | Promise<boolean>;
  /** Index of the first item when the browser does not say where it was. Default: 0. */
  readonly from?: number | undefined;
  /** What an item becomes. Default: JSON. */
  readonly serialize?: ((item: Item) => string) | undefined;
  /** What is told of an error. Default: name and, of Flame's own, code; messages may hold what is nobody's business. */
  readonly describe?: ((error: unknown) => unknown) | undefined;
}

/** The id of the last event: a browser that comes back with it has everything. */
const END = 'end';
/** Proxies close connections on which nothing happens. */
const ALIVE_MS = 15_000;

/**
 * Answers with the items of a call as server-sent events: one `message` each, whose id is its index; then `end` with the call's result, or `failed`.
 * It reads by attach, so it holds nobody back and stops nothing when the page is closed; a browser that reconnects goes on behind the last
 * item that it has seen, and gets 204 once it has seen the end, after which it asks no more.
 * @returns the response: 200, 204 after the end, 403 when `authorize` says no, 404 when `id` is not the id of a call
 */
export const serveEvents = async <Item = unknown>(
  flame: Pick<Flame, 'attach'>,
  request: Request,
  { id, authorize, from = 0, serialize = JSON.stringify, describe = briefly }: ServeEventsOptions<Item>,
): Promise<Response> => {
  if ((await authorize(request, id)) !== true) return new Response('not allowed', { status: 403 });
  const last = request.headers.get('last-event-id') ?? '';
  if (last === END) return new Response(null, { status: 204 });
  const begin = /^\d{1,15}$/.test(last) ? Number(last) + 1 : from;
  let handle: ReturnType<Flame['attach']>;
  try {
    handle = flame.attach(id);
  } catch (error) {
    if (error instanceof FlameConfigError) return new Response('there is no such stream', { status: 404 });
    throw error;
  }
  const stream = handle.stream<Item>({ from: begin });
  const items = stream[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let index = begin;
  let alive: NodeJS.Timeout | undefined;

  const stop = (): void => {
    clearInterval(alive);
    void items.return?.();
  };

  const next = async (): Promise<{ readonly text: string; readonly last: boolean }> => {
    try {
      const step = await items.next();
      if (step.done !== true) {
        const text = eventOf(String(index), undefined, serialize(step.value));
        index += 1;
        return { text, last: false };
      }
      return { text: eventOf(END, 'end', JSON.stringify((await stream.result) ?? null)), last: true };
    } catch (error) {
      return { text: eventOf(END, 'failed', JSON.stringify(describe(error) ?? null)), last: true };
    }
  };

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        request.signal.addEventListener('abort', stop, { once: true });
        alive = setInterval(() => controller.enqueue(encoder.encode(': alive\n\n')), ALIVE_MS);
        alive.unref();
      },
      async pull(controller) {
        const { text, last } = await next();
        if (request.signal.aborted) return;
        controller.enqueue(encoder.encode(text));
        if (!last) return;
        clearInterval(alive);
        controller.close();
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
  return new Response(body, { headers });
};

/** A line break within the data would end it. */
const eventOf = (id: string, event: string | undefined, data: string): string => {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `id: ${id}\n${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`;
};

const briefly = (error: unknown): unknown =>
  error instanceof FlameError
    ? { name: error.name, code: error.code }
    : { name: error instanceof Error ? error.name : 'Error' };
