/**
 * Keeps ECS from ending a task while it has calls, by the endpoint that ECS gives to each task: it is protected as soon as a call runs,
 * and no longer when none has run for a while, so that short calls do not make a request each. A wish that is not heard harms no call:
 * SIGTERM drains.
 */
import type { Logger } from 'pino';

export interface TaskProtection {
  /** @param active calls that run now */
  note(active: number): void;
  close(): void;
}

export interface TaskProtectionOptions {
  /** ECS_AGENT_URI. */
  readonly agentUri: string;
  readonly logger: Pick<Logger, 'warn'>;
  /** Without a call for so long it may be ended, ms. Default 10 s. */
  readonly idleMs?: number;
  /** Between tries that fail, ms; doubles up to a minute. Default 5 s. */
  readonly retryMs?: number;
}

/** ECS forgets it after that, should this process hang; it is told again at half of it. */
const EXPIRES_MINUTES = 60;
const REQUEST_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

export const protectTask = ({
  agentUri,
  logger,
  idleMs = 10_000,
  retryMs = 5_000,
}: TaskProtectionOptions): TaskProtection => {
  let wanted = false;
  /** What ECS has confirmed; a new task is not protected. */
  let confirmed = false;
  let sending = false;
  let complained = false;
  let pauseMs = retryMs;
  let closed = false;
  let calm: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;

  const later = (ms: number): void => {
    clearTimeout(again);
    again = setTimeout(() => void send(true), ms);
    again.unref();
  };

  /** @param repeat also what is confirmed already: it expires */
  const send = async (repeat = false): Promise<void> => {
    if (sending || closed || (!repeat && wanted === confirmed) || (repeat && !wanted && !confirmed)) return;
    sending = true;
    const asked = wanted;
    let done = false;
    try {
      await put(agentUri, asked);
      confirmed = asked;
      pauseMs = retryMs;
      done = true;
    } catch (error) {
      if (!complained) logger.warn({ err: error }, 'this task cannot be protected: ECS may end it while calls run');
      complained = true;
    } finally {
      sending = false;
    }
    if (closed) return;
    if (!done) {
      later(pauseMs);
      pauseMs = Math.min(LONGEST_RETRY_MS, pauseMs * 2);
    } else if (wanted !== confirmed) void send();
    else if (wanted) later((EXPIRES_MINUTES * 60_000) / 2);
  };

  return {
    note(active) {
      if (active > 0) {
        clearTimeout(calm);
        calm = undefined;
        wanted = true;
        void send();
      } else if (wanted && calm === undefined) {
        calm = setTimeout(() => {
          calm = undefined;
          wanted = false;
          void send();
        }, idleMs);
        calm.unref();
      }
    },
    close() {
      closed = true;
      clearTimeout(calm);
      clearTimeout(again);
    },
  };
};

/** @throws what ECS answers beside a confirmation */
const put = async (agentUri: string, enabled: boolean): Promise<void> => {
  const response = await fetch(`${agentUri}/task-protection/v1/state`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ProtectionEnabled: enabled, ...(enabled ? { ExpiresInMinutes: EXPIRES_MINUTES } : {}) }),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const answer = (await response.json().catch(() => ({}))) as ProtectionAnswer;
  if (response.ok && answer.protection?.ProtectionEnabled === enabled) return;
  const { Code, Message } = answer.error ?? {};
  const why = answer.failure?.Reason ?? [Code, Message].filter(Boolean).join(': ');
  throw new Error(`task protection: ${why || `ECS answered ${response.status}`}`);
};

interface ProtectionAnswer {
  readonly protection?: { readonly ProtectionEnabled?: boolean };
  readonly failure?: { readonly Reason?: string };
  readonly error?: { readonly Code?: string; readonly Message?: string };
}
