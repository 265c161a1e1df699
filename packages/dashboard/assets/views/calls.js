/** Calls by pool, state and function. */
import { get, link } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { ago, count, duration, moment } from '../lib/format.js';
import { notice } from './parts.js';

const STATES = ['running', 'waiting', 'delayed', 'failed', 'succeeded'];
const PAGE = 50;

export const calls = () => ({
  everyMs: 2_000,
  title: () => 'Calls',
  async load() {
    const asked = new URLSearchParams(location.search);
    const query = new URLSearchParams({ limit: PAGE });
    for (const name of ['pool', 'state', 'function', 'cursor']) if (asked.get(name)) query.set(name, asked.get(name));
    const [page, { pools }] = await Promise.all([get(`calls?${query}`), get('pools?events=0')]);
    return [
      notice(),
      h('h1', {}, 'Calls'),
      filters(asked, pools),
      h('section', { class: 'card' }, table(page.calls), pager(asked, page)),
    ];
  },
});

const filters = (asked, pools) => {
  const select = (name, label, values) =>
    h(
      'label',
      {},
      label,
      h(
        'select',
        { name, onchange: (event) => event.currentTarget.form.requestSubmit() },
        h('option', { value: '', selected: !asked.get(name) }, 'all'),
        values.map((value) => h('option', { value, selected: asked.get(name) === value }, value)),
      ),
    );
  return h(
    'form',
    { class: 'filters', action: link('calls'), method: 'get' },
    select(
      'pool',
      'Pool',
      pools.map((p) => p.name),
    ),
    select('state', 'State', STATES),
    h(
      'label',
      {},
      'Function',
      h('input', { name: 'function', value: asked.get('function') ?? '', placeholder: 'exact name' }),
    ),
    h('button', { type: 'submit' }, 'Show'),
  );
};

const table = (rows) =>
  rows.length === 0
    ? h('p', { class: 'quiet' }, 'No such calls.')
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
              ['Function', 'State', 'Pool', 'When', 'Took', 'Attempts', 'Message'].map((t) => h('th', {}, t)),
            ),
          ),
          h('tbody', {}, rows.map(row)),
        ),
      );

const row = (call) => {
  const at = call.finishedAt || call.startedAt || call.enqueuedAt;
  const took = call.finishedAt > 0 && call.startedAt > 0 ? duration(call.finishedAt - call.startedAt) : '';
  return h(
    'tr',
    { class: 'hover' },
    h('td', { class: 'fit' }, h('a', { href: link('calls', call.id) }, call.functionName)),
    h('td', { class: 'fit' }, h('span', { class: `tag ${call.state}` }, call.state)),
    h('td', { class: 'fit', 'data-label': 'pool' }, call.pool),
    h('td', { class: 'fit', title: moment(at) }, ago(at, Date.now())),
    h('td', { class: 'fit', 'data-label': 'took' }, took),
    h(
      'td',
      { class: 'fit', 'data-label': 'attempts' },
      call.generation > 1 ? `${call.attempts} (generation ${call.generation})` : call.attempts,
    ),
    h('td', { class: 'cut quiet', title: call.text }, call.text),
  );
};

const pager = (asked, { calls: rows, total, scanned, next }) => {
  const at = (cursor) => {
    const query = new URLSearchParams(asked);
    query.delete('cursor');
    if (cursor !== undefined) query.set('cursor', cursor);
    return `${link('calls')}?${query}`;
  };
  return h(
    'p',
    { class: 'quiet small' },
    asked.get('function')
      ? `${count(rows.length)} of ${count(scanned)} looked at`
      : `${count(rows.length)} of ${count(total)}`,
    '  ',
    asked.has('cursor') && h('a', { href: at() }, 'newest'),
    '  ',
    next !== null && h('a', { href: at(next) }, 'older'),
  );
};
