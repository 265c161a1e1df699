/** Of a large result that went after its only waiter had read it. */
import { FlameRemovedError } from '@flamejs/protocol/errors';

export const deliveredError = (callId: string, { at, to }: { readonly at: number; readonly to: string }): Error =>
  new FlameRemovedError(
    `call ${callId}: its large result was delivered to ${to} at ${new Date(at).toISOString()}, and is kept no longer than a minute after that`,
    {
      callId,
      advice: 'Give the call an `id`, or `cast` it, when others are to read its result, too.',
    },
  );
