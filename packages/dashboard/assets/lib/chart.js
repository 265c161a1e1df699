/** Lines over time: of a pool's samples, or of what would have been. Axes, and a pointer that reads the values. */
import uPlot from '../vendor/uplot.js';
import { h } from './dom.js';
import { clock, count, duration } from './format.js';

/** Calls that wait, calls that run, runners that are ready. */
const LOAD = [
  ['waiting', 'calls waiting'],
  ['active', 'calls running'],
  ['ready', 'runners ready'],
];
/** Which line has which of the page's colours. */
const COLOURS = {
  waiting: 'warn',
  waitMs: 'warn',
  draining: 'warn',
  active: 'busy',
  would: 'busy',
  booting: 'busy',
  runMs: 'busy',
  ready: 'good',
  now: 'good',
};
const HEIGHT = 190;
const DAY_MS = 24 * 3_600_000;

/** @param lines which fields of a sample, and what they are called */
export const chart = (samples, lines = LOAD) => {
  if (samples.length < 2) {
    return h('p', { class: 'quiet small' }, 'A chart appears once an autoscaler has looked at this pool a few times.');
  }
  const element = document.createElement('flame-chart');
  element.chart = { samples, lines };
  return element;
};

/**
 * Keeps its canvas while the page is patched around it: a new look at the pool is new data, not a new drawing.
 */
class FlameChart extends HTMLElement {
  #plot;
  #key = '';
  #chart;
  #resizes = new ResizeObserver(() => this.#plot?.setSize({ width: this.clientWidth, height: HEIGHT }));
  #scheme = matchMedia('(prefers-color-scheme: dark)');
  #redraw = () => this.#draw();

  get chart() {
    return this.#chart;
  }

  set chart(value) {
    this.#chart = value;
    if (!this.isConnected) return;
    const key = keyOf(value);
    if (key === this.#key) this.#plot.setData(dataOf(value));
    else this.#draw();
    this.#describe();
  }

  connectedCallback() {
    this.#draw();
    this.#describe();
    this.#resizes.observe(this);
    this.#scheme.addEventListener('change', this.#redraw);
  }

  disconnectedCallback() {
    this.#resizes.disconnect();
    this.#scheme.removeEventListener('change', this.#redraw);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#key = '';
  }

  #draw() {
    this.#plot?.destroy();
    this.#key = keyOf(this.#chart);
    this.#plot = new uPlot(optionsOf(this.#chart, this), dataOf(this.#chart), this);
  }

  /** What a picture says to those who cannot see it: the span, and where each line ends and peaks. */
  #describe() {
    const { samples, lines } = this.#chart;
    const last = samples.at(-1);
    const words = lines.map(([key, label]) => {
      const most = samples.reduce((top, sample) => Math.max(top, sample[key]), 0);
      return `${label} ${count(last[key])}, at most ${count(most)}`;
    });
    this.setAttribute('role', 'img');
    this.setAttribute('aria-label', `The last ${duration(last.at - samples[0].at)}: ${words.join('; ')}`);
  }
}
customElements.define('flame-chart', FlameChart);

const keyOf = ({ lines }) => lines.map(([key]) => key).join();

const dataOf = ({ samples, lines }) => [
  samples.map(({ at }) => at / 1_000),
  ...lines.map(([key]) => samples.map((sample) => sample[key])),
];

const optionsOf = ({ samples, lines }, element) => {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: paint(colour('quiet')),
    grid: { stroke: paint(colour('line')), width: 1 },
    ticks: { show: false },
  };
  const long = samples.at(-1).at - samples[0].at > DAY_MS;
  const time = (seconds) =>
    long
      ? new Date(seconds * 1_000).toLocaleString('en-GB', {
          day: 'numeric',
          month: 'short',
          hour: '2-digit',
          minute: '2-digit',
        })
      : clock(seconds * 1_000);
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    legend: { live: true },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.05)] } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(time), space: long ? 110 : 80 },
      { ...axis, size: 54, values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? count(tick) : '')) },
    ],
    series: [
      { label: 'time', value: (_plot, seconds) => (seconds === null ? '–' : time(seconds)) },
      ...lines.map(([key, label]) => ({
        label,
        stroke: paint(colour(COLOURS[key] ?? 'quiet')),
        width: 1.75,
        // Steps, not slopes: between two samples nothing is known.
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        value: (_plot, value) => (value === null ? '–' : count(value)),
      })),
    ],
  };
};

/** The colour of this scheme out of `light-dark(…)`, which a canvas does not know. */
const paint = (colour) => {
  const [, light, dark] = /^light-dark\(([^,]+),([^)]+)\)$/.exec(colour) ?? [];
  if (light === undefined) return colour;
  return (matchMedia('(prefers-color-scheme: dark)').matches ? dark : light).trim();
};
