/**
 * Inline mode: calls run in this process, without Redis, through the same encoding, context, rules and errors, so that a test
 * sees what production would. What needs another process is not there: a busy loop cannot be stopped, and calls are lost
 * with the process.
 */
import { decode } from '@flamejs/protocol/codec';
import { FlameCancelledError, FlameClosedError } from '@flamejs/protocol/errors';
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { SecretBox } from '@flamejs/protocol/payload/secret-box';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { awaitValue } from './await-outcome.ts';
import { beginBy, type CallMaker } from './call-maker.ts';
import type { CallHandle, CancelResult } from './handle.ts';
import { inlineHooks } from './inline-hooks.ts';
import { createInlineLines } from './inline-lines.ts';
import { runInline } from './inline-run.ts';
import { inlineStatus } from './inline-status.ts';
import { createInlineStore, type InlineCall } from './inline-store.ts';
import type { Settler } from './pending.ts';
import { secretsHere } from './secrets-here.ts';

/** A slow reader of progress loses the oldest values, never the newest. */
const BUFFER = 1_000;

export const createInlineCaller = (config: AppConfig): CallMaker => {
  const store = createInlineStore();
  const lines = createInlineLines(config, store);
  let closed = false;

  const secretsOf = (call: InlineCall): SecretBox | undefined => secretsHere(config, call.request.scope ?? call.id);

  const read = (call: InlineCall, note: Uint8Array): unknown =>
    decode({ json: Buffer.from(note).toString(), parts: [] }, { secrets: secretsOf(call) });

  const cancel = (id: string, reason: string): CancelResult => {
    const call = store.get(id);
    if (call === undefined) return 'unknown';
    const { run } = call;
    const became = run.state === 'running' ? 'stopping' : 'cancelled';
    const error = new FlameCancelledError(`call ${id} was cancelled: ${reason}`, { callId: id, reason });
    return store.fail(call, run, error) ? became : 'finished';
  };

  const handle = <Result>(pool: PoolConfig, id: string): CallHandle<Result> => ({
    id,
    result(options = {}) {
      inlineHooks().awaited(id);
      const wait = {
        join: (settler: Settler) => store.join(id, settler),
        leave: (settler: Settler) => store.leave(id, settler),
      };
      const reading = { secrets: secretsHere(config, id), payloadLimit: pool.payloadLimit };
      const read = async () => {
        lines.mayAwait(id);
        return (await awaitValue(id, options, reading, wait)) as Result;
      };
      return lines.check(id, pool.name)?.then(read) ?? read();
    },
    async status() {
      await lines.check(id, pool.name);
      const call = store.get(id);
      return inlineStatus(pool, id, call, call && store.limits.heldBy(call));
    },
    async cancel(reason = 'cancelled through its handle') {
      await lines.check(id, pool.name);
      return cancel(id, reason);
    },
    async retry() {
      await lines.check(id, pool.name);
      const call = store.get(id);
      if (call === undefined) return 'unknown';
      if (call.outcome === undefined || call.outcome.head.ok) return 'not-failed';
      void runInline(store, call, store.renew(call), secretsOf(call));
      return 'retried';
    },
    async *progress() {
      await lines.check(id, pool.name);
      const call = store.get(id);
      if (call === undefined) return;
      for await (const note of notesOf(call)) yield read(call, note);
    },
  });

  /** The last value first, then each as it comes, until the call has ended. */
  async function* notesOf(call: InlineCall): AsyncGenerator<Uint8Array, void, void> {
    const notes = call.progress === undefined ? [] : [call.progress];
    let ended = false;
    let wake = (): void => undefined;
    const watcher = (note: Uint8Array): void => {
      notes.push(note);
      if (notes.length > BUFFER) notes.shift();
      wake();
    };
    const end = (): void => {
      ended = true;
      wake();
    };
    const settler = { resolve: end, reject: end };
    call.watchers.add(watcher);
    store.join(call.id, settler);
    try {
      for (;;) {
        for (let note = notes.shift(); note !== undefined; note = notes.shift()) yield note;
        if (ended) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      call.watchers.delete(watcher);
      store.leave(call.id, settler);
    }
  }

  const submit: CallMaker['submit'] = async (request, settler, id) => {
    const asked = await lines.descended(request);
    if (closed) throw new FlameClosedError('this flame object has been closed');
    inlineHooks().beforeAccept(request.pool.name);
    const { call, isNew } = store.accept(id, asked);
    lines.made(id);
    if (isNew) {
      inlineHooks().accepted(call);
      void runInline(store, call, call.run, secretsOf(call));
    }
    if (settler !== undefined) store.join(id, settler);
    return id;
  };

  return {
    submit,
    begin: beginBy(submit),
    handle,
    async readiness(_pool, id) {
      const call = store.get(id);
      return call?.ready === undefined ? undefined : { value: read(call, call.ready) };
    },
    whenOver: (_pool, id) =>
      new Promise((resolve) => store.join(id, { resolve: () => resolve(), reject: () => resolve() })),
    abort: (id, _pool, reason) => void cancel(id, reason),
    schedule: (id) => {
      const message = 'inline mode has no autoscaler to run schedules';
      throw configError(`flame.schedule('${id}')`, [{ path: 'mode', message }]);
    },
    async close() {
      closed = true;
      store.close();
    },
  };
};
