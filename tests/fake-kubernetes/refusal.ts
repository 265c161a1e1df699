/** What the API server answers when it does not do what it was asked. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  readonly retryAfter: number | undefined;
  constructor(code: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  get status(): unknown {
    const { code, reason, message, retryAfter } = this;
    const details = retryAfter === undefined ? {} : { details: { retryAfterSeconds: retryAfter } };
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...details, code };
  }
}
