/** One pool: its runners, its recent past, and why it has the size it has. */
import { get, link } from '../lib/api.js';
import { chart } from '../lib/chart.js';
import { h } from '../lib/dom.js';
import { ago, bytes, duration, moment, plural } from '../lib/format.js';
import { actionButton, compare, eventTable, facts, notice, numbers, squares } from './parts.js';

export const pool = (name) => ({
  everyMs: 1_000,
  title: () => name,
  async load() {
    const { pool: p, runners, events, history, times, settings } = await get(`pools/${encodeURIComponent(name)}`);
    const now = Math.max(Date.now(), ...runners.map((r) => r.heartbeatAt));
    return [
      notice(),
      h(
        'div',
        { class: 'head' },
        h(
          'div',
          {},
          h('p', { class: 'crumb' }, h('a', { href: link('pools') }, 'Pools')),
          h('h1', {}, name),
          h('p', {}, `${p.summary}.`),
        ),
        h('div', { class: 'actions' }, buttons(p)),
      ),
      h('section', { class: 'card wide' }, numbers(counts(p)), squares(p)),
      h('section', { class: 'card' }, h('h2', {}, 'Load'), chart(history), chart(history, RUNNERS)),
      times.count > 0 && h('section', { class: 'card', id: 'times' }, h('h2', {}, 'Times'), timesOf(times)),
      h('section', { class: 'card' }, h('h2', {}, 'Runners'), runnerTable(runners, now)),
      h('section', { class: 'card' }, h('h2', {}, 'Why this many'), why(p)),
      h('section', { class: 'card' }, h('h2', {}, 'Events'), eventTable(events, false)),
      h('section', { class: 'card' }, h('h2', {}, 'Settings'), facts(Object.entries(settings).map(settingFact))),
    ];
  },
});

const RUNNERS = [
  ['ready', 'runners ready'],
  ['booting', 'booting'],
  ['draining', 'draining'],
  ['wanted', 'wanted'],
];
const TIMES = [
  ['waitMs', 'waited (ms, 95 of 100 calls)'],
  ['runMs', 'ran (ms)'],
];

const timesOf = ({ count: n, waitMs, runMs, points }) => [
  points.length > 1 && chart(points, TIMES),
  compare(
    ['', 'p50', 'p95', 'p99'],
    [
      ['waited', waitMs],
      ['ran', runMs],
    ].map(([label, { p50, p95, p99 }]) => [label, duration(p50), duration(p95), duration(p99)]),
  ),
  h('p', { class: 'quiet small' }, `Of the last ${plural(n, 'call')} that succeeded and whose results are still kept.`),
];

const counts = (p) => [
  ['waiting', p.waiting],
  ['running', p.active],
  ['due later', p.delayed],
  ['failed', p.failed, 'failed'],
  ['succeeded, kept', p.succeeded],
  ['slots ready', p.slots],
  ['next has waited', p.oldestWaitMs === 0 ? '–' : duration(p.oldestWaitMs)],
];

const buttons = (p) => {
  const path = `pools/${encodeURIComponent(p.name)}`;
  return [
    h('a', { href: `${link('calls')}?pool=${encodeURIComponent(p.name)}`, class: 'small' }, 'Calls of this pool'),
    h('a', { href: link('pools', p.name, 'tune'), class: 'small' }, 'Tune'),
    p.failed > 0 &&
      actionButton('Retry failed', `${path}/retry-failed`, {
        ask: `Run ${plural(p.failed, 'failed call')} of pool ${p.name} again?`,
        done: ({ retried }) => `${plural(retried, 'call')} will run again`,
      }),
    p.paused
      ? actionButton('Resume', `${path}/resume`, { primary: true, done: () => 'The pool takes calls again' })
      : actionButton('Pause', `${path}/pause`, { done: () => 'No further call starts; those that run go on' }),
  ];
};

const runnerTable = (runners, now) =>
  runners.length === 0
    ? h('p', { class: 'quiet' }, 'No runner. One is launched when a call waits.')
    : h(
        'div',
        { class: 'scroll' },
        h(
          'table',
          { class: 'cards' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ['Runner', 'State', 'Calls', 'Served', 'Where', 'Since', 'Heard of', ''].map((t) => h('th', {}, t)),
            ),
          ),
          h(
            'tbody',
            {},
            runners.map((r) => runnerRow(r, now)),
          ),
        ),
      );

const runnerRow = (r, now) =>
  h(
    'tr',
    { 'data-runner': r.runnerId },
    h('td', { class: 'fit mono' }, r.runnerId),
    h(
      'td',
      {},
      h('span', { class: `tag ${r.state}` }, r.state === 'ready' && r.active > 0 ? 'busy' : r.state),
      ' ',
      h('span', { class: 'quiet small' }, r.state === 'ready' ? '' : r.reason),
    ),
    h('td', { class: 'fit', 'data-label': 'calls' }, `${r.active} of ${r.slots}`),
    h('td', { class: 'fit', 'data-label': 'served' }, r.served),
    h(
      'td',
      { class: 'fit' },
      [r.host, r.instanceId && r.instanceId !== String(r.pid) ? r.instanceId : r.pid > 0 ? `pid ${r.pid}` : '']
        .filter(Boolean)
        .join(' · '),
    ),
    h('td', { class: 'fit', 'data-label': 'since', title: moment(r.startedAt) }, ago(r.startedAt, now)),
    h('td', { class: 'fit', 'data-label': 'heard of' }, r.heartbeatAt === 0 ? 'not yet' : ago(r.heartbeatAt, now)),
    h(
      'td',
      { class: 'fit' },
      r.state === 'ready' &&
        actionButton('Drain', `pools/${encodeURIComponent(r.pool)}/runners/${encodeURIComponent(r.runnerId)}/drain`, {
          ask: `Let runner ${r.runnerId} end after its calls?`,
          done: () => 'It takes no more calls and ends when its own are done',
        }),
    ),
  );

const why = (p) => [
  h(
    'p',
    {},
    p.wanted === null
      ? 'No autoscaler has looked at this pool yet.'
      : `Policy ${p.policy} wants ${plural(p.wanted, 'runner')} (at least ${p.min}, at most ${p.max}).`,
  ),
  p.reasons.length > 0 &&
    h(
      'ul',
      { class: 'quiet' },
      p.reasons.map((reason) => h('li', {}, reason)),
    ),
];

const settingFact = ([key, value]) => [
  key.replace(/Ms$/, ''),
  key.endsWith('Ms') && typeof value === 'number'
    ? duration(value)
    : key === 'payloadLimit' || key === 'memoryLimit'
      ? bytes(value)
      : String(value),
];
