/** Simulations as one picture: runners and waiting calls over time. */
import type { Simulation } from '@flamejs/queue';

const WIDTH = 860;
const HEIGHT = 240;
const LEFT = 52;
const RIGHT = 12;
const TOP = 26;
const BOTTOM = 24;
/** Told apart by people who see no red or no green too (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];

/** @returns an SVG document: a panel of runners and one of waiting calls, with a line for each simulation */
export const plot = (simulations: Readonly<Record<string, Simulation>>): string => {
  const entries = Object.entries(simulations);
  const legend = entries.map(
    ([name], i) =>
      `<text x="${LEFT + i * 160}" y="16" fill="${colour(i)}" font-weight="600">${escapeText(name)}</text>`,
  );
  const panels = [
    panel('runners', entries, (point) => point.runners, 20),
    panel('calls that wait', entries, (point) => point.waiting, 20 + HEIGHT),
  ];
  const height = 20 + 2 * HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${legend.join('')}${panels.join('')}</svg>\n`;
};

type Point = Simulation['points'][number];

const panel = (
  title: string,
  entries: readonly (readonly [string, Simulation])[],
  of: (point: Point) => number,
  top: number,
): string => {
  const all = entries.flatMap(([, { points }]) => points);
  const from = Math.min(...all.map(({ at }) => at));
  const to = Math.max(...all.map(({ at }) => at));
  const most = Math.max(1, ...all.map(of));
  const x = (at: number): number => LEFT + ((at - from) / Math.max(1, to - from)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => top + HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM);
  const lines = entries.map(([, { points }], i) => {
    // Steps, since nothing is between two numbers of machines.
    const path = points.map(
      (point, k) => `${k === 0 ? 'M' : 'H'}${x(point.at).toFixed(1)}${k === 0 ? ' ' : ' V'}${y(of(point)).toFixed(1)}`,
    );
    return `<path d="${path.join('')}" fill="none" stroke="${colour(i)}" stroke-width="1.5"/>`;
  });
  const marks = [0, 0.5, 1].map((share) => {
    const value = Math.round(most * share);
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end" fill="#555">${value}</text>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = from + (to - from) * share;
    return `<text x="${x(at)}" y="${top + HEIGHT - 8}" text-anchor="middle" fill="#555">${minutes(at - from)}</text>`;
  });
  return `<text x="${LEFT}" y="${top + 16}" fill="#222">${title}</text>${marks.join('')}${times.join('')}${lines.join('')}`;
};

const colour = (i: number): string => COLOURS[i % COLOURS.length] as string;

const minutes = (ms: number): string =>
  ms >= 3 * 3_600_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 60_000).toFixed(ms < 600_000 ? 1 : 0)} min`;

const escapeText = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
