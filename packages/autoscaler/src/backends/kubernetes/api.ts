/** The API server over HTTPS: what is asked, what it answers, and an error that says what is known of a request's outcome. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  /** `/api/v1/namespaces/…`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/** As the backend needs it; the tests put a cluster in memory in its place. */
export interface Api {
  /** The namespace in which the credentials are at home. */
  namespace(): Promise<string>;
  /** @throws ApiError */
  send(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /** Ends when the server ends it. @throws ApiError when it cannot be opened, or breaks */
  watch(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<WatchEvent>;
  close(): void;
}

/** The `Status` of a refusal. */
export interface ApiStatus {
  readonly code: number;
  /** `AlreadyExists`, `Forbidden`, `Expired`, …; `undefined` when a proxy answered. */
  readonly reason?: string | undefined;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

export class ApiError extends Error {
  /** `undefined` when no answer arrived: the request may have been carried out. */
  readonly status: ApiStatus | undefined;
  constructor(message: string, status?: ApiStatus, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** @returns whether it is a refusal with that code, and that reason when one is named */
export const isRefusal = (error: unknown, code: number, reason?: string): error is ApiError =>
  error instanceof ApiError && error.status?.code === code && (reason === undefined || error.status.reason === reason);

/** @param text the body of an answer that is no success */
export const statusFrom = (code: number, text: string, retryAfter: string | undefined): ApiStatus => {
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && Number.isFinite(seconds) ? seconds * 1_000 : undefined;
  try {
    const { reason, message } = JSON.parse(text) as { reason?: unknown; message?: unknown };
    return {
      code,
      reason: typeof reason === 'string' ? reason : undefined,
      message: typeof message === 'string' ? message : text.slice(0, 500),
      retryAfterMs,
    };
  } catch {
    return { code, message: text.slice(0, 500), retryAfterMs };
  }
};
