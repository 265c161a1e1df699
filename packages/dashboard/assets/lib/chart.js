/** A line chart of a pool's samples, or of what would have been. */
import { h, svg } from './dom.js';
import { clock, duration } from './format.js';

/** Calls that wait, calls that run, runners that are ready. */
const LOAD = [
  ['waiting', 'calls waiting'],
  ['active', 'calls running'],
  ['ready', 'runners ready'],
];
const WIDTH = 1000;
const HEIGHT = 150;
const LEFT = 34;
const BOTTOM = 20;
const TOP = 8;

/** @param lines which fields of a sample, and what they are called */
export const chart = (samples, lines = LOAD) => {
  if (samples.length < 2) {
    return h('p', { class: 'quiet small' }, 'A chart appears once an autoscaler has looked at this pool a few times.');
  }
  const first = samples[0].at;
  const span = Math.max(1, samples.at(-1).at - first);
  const top = niceTop(Math.max(1, ...samples.flatMap((s) => lines.map(([key]) => s[key]))));
  const x = (at) => LEFT + ((at - first) / span) * (WIDTH - LEFT);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  // Steps, not slopes: between two samples nothing is known.
  const path = (key) =>
    samples
      .map((s, i) =>
        i === 0 ? `M${x(s.at).toFixed(1)} ${y(s[key]).toFixed(1)}` : `H${x(s.at).toFixed(1)}V${y(s[key]).toFixed(1)}`,
      )
      .join('');
  const marks = [0, top / 2, top].filter(Number.isInteger);
  return h(
    'div',
    { class: 'chart' },
    h(
      'p',
      { class: 'legend' },
      lines.map(([key, label]) => h('span', { class: key }, h('i'), label)),
    ),
    svg(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': `The last ${duration(span)}`,
      },
      marks.map((value) => svg('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) })),
      lines.map(([key]) => svg('path', { class: key, d: path(key) })),
    ),
    h(
      'p',
      { class: 'legend' },
      h('span', {}, `${clock(first)} to ${clock(samples.at(-1).at)}, at most ${top} at the top line`),
    ),
  );
};

const niceTop = (value) => {
  for (let scale = 1; ; scale *= 10) for (const step of [2, 4, 10]) if (value <= step * scale) return step * scale;
};
