/** The Machines API over fetch: one request, its answer or an error that says what is known of its outcome. */
import { FlameLaunchError, type LaunchErrorKind } from '@flamejs/queue';
import type { FlySettings } from './options.ts';

export interface FlyMachine {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly region: string;
  readonly created_at: string;
  /** What happened to it, newest first. */
  readonly events?: readonly FlyEvent[];
  readonly config?: { readonly metadata?: Readonly<Record<string, string>>; readonly image?: string };
}

export interface FlyEvent {
  readonly type: string;
  readonly request?: {
    readonly exit_event?: { readonly exit_code?: number; readonly oom_killed?: boolean; readonly error?: string };
  };
}

export interface FlyApi {
  create(body: unknown, signal: AbortSignal): Promise<FlyMachine>;
  list(query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly FlyMachine[]>;
  /** Also of one that is destroyed. */
  get(id: string, signal: AbortSignal): Promise<FlyMachine>;
  /** Gone already is success. */
  destroy(id: string, signal: AbortSignal): Promise<void>;
}

export const createApi = (settings: FlySettings): FlyApi => {
  const base = `${settings.endpoint}/v1/apps/${encodeURIComponent(settings.app)}/machines`;
  const send = async (method: string, path: string, signal: AbortSignal, body?: unknown): Promise<unknown> => {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${base}${path}`, {
        method,
        // A redirect would carry the token elsewhere.
        redirect: 'error',
        headers: {
          authorization: `Bearer ${settings.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(settings.requestTimeoutMs)]),
      });
      text = await response.text();
    } catch (cause) {
      throw flyError(method, undefined, cause instanceof Error ? cause.message : String(cause), cause);
    }
    if (!response.ok) throw flyError(method, response.status, errorText(text));
    return text === '' ? undefined : JSON.parse(text);
  };
  return {
    create: async (body, signal) => (await send('POST', '', signal, body)) as FlyMachine,
    list: async (query, signal) =>
      ((await send('GET', `?${new URLSearchParams(query)}`, signal)) ?? []) as readonly FlyMachine[],
    get: async (id, signal) => (await send('GET', `/${encodeURIComponent(id)}`, signal)) as FlyMachine,
    destroy: async (id, signal) => {
      try {
        await send('DELETE', `/${encodeURIComponent(id)}?force=true`, signal);
      } catch (error) {
        if (!(error instanceof FlameLaunchError && error.providerCode === 'HTTP 404')) throw error;
      }
    },
  };
};

const errorText = (text: string): string => {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown };
    return String(error ?? message ?? text);
  } catch {
    return text.slice(0, 500);
  }
};

const flyError = (method: string, status: number | undefined, text: string, cause?: unknown): FlameLaunchError =>
  new FlameLaunchError(`Fly refused ${method}: ${status === undefined ? '' : `HTTP ${status}: `}${text}`, {
    kind: kindOf(status, text),
    providerCode: status === undefined ? null : `HTTP ${status}`,
    cause,
  });

/** Fly says much in words: a full region and a used-up quota both come as 4xx. */
const kindOf = (status: number | undefined, text: string): LaunchErrorKind => {
  if (status === undefined || status >= 500 || status === 408) return 'unknown';
  if (status === 429) return 'throttled';
  if (
    /insufficient (resources|capacity|memory|cpu)|no capacity|could not (find|reserve) .{0,200}(host|resource)/i.test(
      text,
    )
  )
    return 'capacity';
  if (/quota|limit (reached|exceeded)|exceeds? .{0,200}limit/i.test(text)) return 'quota';
  if (status === 401 || status === 403) return 'auth';
  // The machine's lease is held, or its state is in between: what was asked for may yet be done.
  if (status === 409 || status === 412) return 'unknown';
  return 'invalid';
};
