/**
 * A call that `flame.call` awaits: the ends of its promise and what its signal does. A process may await thousands, so it keeps
 * nothing else alive: not the arguments, which were encoded, nor the function.
 */

import type { Outcome } from '@flamejs/protocol/outcome';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { type AbortListener, listen, unlisten } from './abort-listeners.ts';
import type { Settler } from './pending.ts';
import { secretsHere } from './secrets-here.ts';
import { settleWith, withCallSite } from './settle-with.ts';

/** What the calls of one flame object share. */
export interface AwaitingFlame {
  readonly config: AppConfig;
  /** Stops a call that was given up. Never throws. */
  stop(id: string, pool: PoolConfig, signal: AbortSignal): void;
}

export class AwaitedCall implements Settler, AbortListener {
  readonly promise: Promise<unknown>;
  readonly #flame: AwaitingFlame;
  readonly #id: string;
  readonly #pool: PoolConfig;
  readonly #signal: AbortSignal | undefined;
  /** Made at the call site. Its stack is formatted only when the call fails. */
  readonly #local: Error;
  #settle!: (value: unknown) => void;
  #fail!: (error: unknown) => void;

  constructor(flame: AwaitingFlame, id: string, pool: PoolConfig, signal: AbortSignal | undefined, local: Error) {
    this.#flame = flame;
    this.#id = id;
    this.#pool = pool;
    this.#signal = signal;
    this.#local = local;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    if (signal !== undefined) listen(signal, this);
  }

  onAbort(): void {
    this.#fail(this.#signal?.reason);
    if (this.#signal !== undefined) this.#flame.stop(this.#id, this.#pool, this.#signal);
  }

  resolve(outcome: Outcome): boolean {
    if (this.#signal !== undefined) unlisten(this.#signal, this);
    const secrets = secretsHere(this.#flame.config, this.#id);
    const reading = { secrets, payloadLimit: this.#pool.payloadLimit };
    return settleWith(outcome, reading, this.#local, this.#settle, this.#fail);
  }

  reject(error: unknown): void {
    if (this.#signal !== undefined) unlisten(this.#signal, this);
    this.#fail(withCallSite(error, this.#local));
  }
}
