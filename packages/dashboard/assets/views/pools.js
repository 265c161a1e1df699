/** All pools at a glance, and what happened lately. */
import { get, link } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { duration } from '../lib/format.js';
import { eventTable, notice, numbers, squares } from './parts.js';

export const pools = {
  everyMs: 1_000,
  title: () => 'Pools',
  async load() {
    const { pools: list, events, system } = await get('pools');
    return [
      notice(),
      h('h1', {}, 'Pools'),
      ...warnings(system, list),
      h('section', { class: 'pools', 'aria-label': 'Pools' }, list.map(card)),
      h('section', { class: 'card' }, h('h2', {}, 'Recent events'), eventTable(events, true)),
    ];
  },
};

const card = (pool) =>
  h(
    'a',
    { class: `card pool ${pool.health}`, href: link('pools', pool.name), 'data-pool': pool.name },
    h(
      'div',
      { class: 'name' },
      h('span', { class: `dot ${pool.health}` }),
      pool.name,
      pool.paused && h('span', { class: 'tag paused' }, 'paused'),
    ),
    numbers([
      ['waiting', pool.waiting],
      ['running', pool.active],
      ['due later', pool.delayed],
      ['failed', pool.failed, 'failed'],
    ]),
    squares(pool),
    h('p', { class: 'summary' }, sentence(pool)),
  );

const sentence = (pool) =>
  pool.waiting > 0 && pool.oldestWaitMs > 1_000
    ? `${pool.summary}. The next call has waited ${duration(pool.oldestWaitMs)}.`
    : `${pool.summary}.`;

const SILENT_MS = 60_000;

const warnings = (system, list) => {
  const texts = system.warnings.map((text) => [text, '']);
  const silent = system.autoscalerSilentMs;
  if (silent === null)
    texts.push(['No autoscaler has ever run: pools keep the runners that were started by hand.', '']);
  else if (silent > SILENT_MS)
    texts.push([`The autoscaler has been silent for ${duration(silent)}: no pool grows or shrinks.`, 'bad']);
  for (const pool of list.filter((p) => p.health === 'bad')) texts.push([`${pool.name}: ${pool.summary}`, 'bad']);
  return texts.map(([text, kind]) => h('div', { class: `notice ${kind}` }, text));
};
