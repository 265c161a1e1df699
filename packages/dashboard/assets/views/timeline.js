/** What happened to a call, in time: it waited, an attempt ran and ended somehow, it waited again. */
import { h, svg } from '../lib/dom.js';
import { clock, duration } from '../lib/format.js';

const WIDTH = 1_000;
const NARROWEST = 4;

export const timeline = (call) => {
  const parts = partsOf(call, Date.now());
  if (parts.length === 0) return undefined;
  const [from, to] = [parts[0].from, parts.at(-1).to];
  const x = (at) => ((at - from) / Math.max(1, to - from)) * WIDTH;
  return h(
    'section',
    { class: 'card', id: 'timeline' },
    h('h2', {}, 'What happened'),
    svg(
      'svg',
      { class: 'timeline', viewBox: `0 0 ${WIDTH} 14`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      parts.map((part) =>
        svg('rect', {
          class: part.kind,
          x: x(part.from),
          y: 0,
          width: Math.max(NARROWEST, x(part.to) - x(part.from)),
          height: 14,
        }),
      ),
    ),
    h(
      'ol',
      { class: 'timeline' },
      parts.map((part) =>
        h(
          'li',
          {},
          h('i', { class: part.kind }),
          h('span', { class: 'quiet small' }, clock(part.from)),
          ' ',
          part.text,
          part.runnerId && [' on ', h('span', { class: 'mono' }, part.runnerId)],
          `, ${duration(part.to - part.from)}`,
          part.ended && `: ${part.ended}`,
        ),
      ),
    ),
  );
};

const partsOf = (call, now) => {
  const attempts = [
    ...call.history.map((past) => ({ ...past, kind: 'lost' })),
    ...(call.startedAt > 0 && call.history.every(({ startedAt }) => startedAt < call.startedAt)
      ? [
          {
            startedAt: call.startedAt,
            endedAt: call.finishedAt || now,
            runnerId: call.runnerId,
            kind: call.finishedAt > 0 ? call.state : 'running',
            ended: call.finishedAt > 0 ? call.state : 'runs now',
          },
        ]
      : []),
  ];
  const parts = [];
  // A delay is nobody's waiting.
  let at = Math.max(call.enqueuedAt, Math.min(call.dueAt || 0, attempts[0]?.startedAt ?? now));
  if (!(at > 0)) return parts;
  for (const [i, { startedAt, endedAt, kind, runnerId, ended }] of attempts.entries()) {
    if (startedAt > at) parts.push({ from: at, to: startedAt, kind: 'waiting', text: 'waited' });
    parts.push({ from: startedAt, to: Math.max(startedAt, endedAt), kind, runnerId, ended, text: `attempt ${i + 1}` });
    at = Math.max(at, endedAt);
  }
  const over = call.state === 'succeeded' || call.state === 'failed';
  if (!over && call.state !== 'running' && now > at) parts.push({ from: at, to: now, kind: 'waiting', text: 'waits' });
  return parts;
};
