/**
 * What operators ordered of single runners. An order is carried out until the runner's record shows it, and only then
 * taken away, so that a crash at any moment repeats it and never loses it. Pure.
 */
import type { StandingOrder } from '@flamejs/protocol';
import type { IntentRecord } from '../record/intent.ts';
import type { Action } from './action.ts';
import type { PlanInput } from './plan.ts';

export const planOperator = (input: PlanInput): readonly Action[] =>
  input.orders.flatMap((order): readonly Action[] => {
    if (input.busy.has(order.runnerId)) return [];
    const runner = input.runners.find(({ record }) => record.runnerId === order.runnerId);
    if (runner === undefined) return [{ kind: 'fulfil', order, reason: 'the runner is gone' }];
    if (isDone(order, runner.record, input.now)) return [{ kind: 'fulfil', order, reason: 'it is carried out' }];
    return carryOut(order, runner.record);
  });

/** The record shows it, or it has come too late to mean anything. */
const isDone = (order: StandingOrder, record: IntentRecord, now: number): boolean => {
  const leaving = record.state === 'terminating' || record.state === 'failed';
  switch (order.action) {
    case 'drain':
      return leaving || record.drain?.order === order.text;
    case 'terminate':
      return record.state === 'terminating' && record.grounds === 'forced';
    case 'protect':
      return (
        leaving || record.state === 'draining' || now >= order.until || isAbout(record.protectedUntil, order.until)
      );
    case 'unprotect':
      return record.protectedUntil === null;
  }
};

/** The order's time is Redis', the record's is the controller's; between two ticks they drift by very little. */
const isAbout = (time: number | null, other: number): boolean => time !== null && Math.abs(time - other) < 2_000;

const carryOut = (order: StandingOrder, record: IntentRecord): readonly Action[] => {
  const { runnerId, state } = record;
  const reason = `${WORDS[order.action]} by ${order.by}: ${order.reason}`;
  if (order.action === 'protect') return [{ kind: 'protect', runnerId, until: order.until, reason }];
  if (order.action === 'unprotect') return [{ kind: 'protect', runnerId, until: null, reason }];
  // What the provider has not accepted yet can be neither told nor ended: the order waits.
  if (state === 'requested') return [];
  if (order.action === 'terminate') {
    return record.instanceId === null ? [] : [{ kind: 'terminate', runnerId, grounds: 'forced', reason }];
  }
  if (state === 'lost') return [];
  const { withinMs: deadlineMs, text } = order;
  return [{ kind: 'drain', runnerId, cause: 'operator', reason, deadlineMs, askIdleMs: null, order: text }];
};

const WORDS: Readonly<Record<StandingOrder['action'], string>> = {
  drain: 'drained',
  terminate: 'ended',
  protect: 'protected',
  unprotect: 'no longer protected',
};
