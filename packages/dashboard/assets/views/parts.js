/** What several views show. */

import { isOperator, link, post } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { clock, count, moment } from '../lib/format.js';

export const numbers = (pairs) =>
  h(
    'dl',
    { class: 'numbers' },
    pairs.map(([label, value, kind]) =>
      h(
        'div',
        { class: `${kind ?? ''} ${value === 0 ? 'zero' : ''}` },
        h('dt', {}, label),
        h('dd', {}, typeof value === 'number' ? count(value) : value),
      ),
    ),
  );

export const facts = (pairs) =>
  h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== '' && value !== undefined && value !== null)
      .map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))),
  );

/** A small table of texts. */
export const compare = (titles, rows) =>
  h(
    'table',
    { class: 'compare' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        titles.map((title) => h('th', {}, title)),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          row.map((text) => h('td', {}, text)),
        ),
      ),
    ),
  );

const MOST_SQUARES = 60;

/** One square a runner, then empty ones up to what the pool may grow to. */
export const squares = (pool) => {
  const { ready, draining, lost } = pool.runners;
  const booting = pool.runners.requested + pool.runners.booting;
  const busy = Math.min(ready, Math.ceil(pool.active / Math.max(1, pool.maxConcurrency)));
  const groups = [
    ['busy', busy],
    ['ready', ready - busy],
    ['booting', booting],
    ['draining', draining],
    ['lost', lost],
  ];
  const present = groups.reduce((sum, [, n]) => sum + n, 0);
  const drawn = groups.flatMap(([kind, n]) => Array.from({ length: n }, () => kind)).slice(0, MOST_SQUARES);
  const empty = Math.max(0, Math.min(pool.max, MOST_SQUARES) - drawn.length);
  const label = `${present} of at most ${pool.max} runners`;
  return h(
    'div',
    { class: 'slots', role: 'img', 'aria-label': label },
    [...drawn, ...Array.from({ length: empty }, () => '')].map((kind) => h('span', { class: `slot ${kind}` })),
    h('span', { class: 'small' }, label),
  );
};

const EVENT_WORDS = {
  'runner.requested': 'runner requested',
  'runner.launched': 'runner launched',
  'runner.ready': 'runner ready',
  'runner.idle': 'runner idle',
  'runner.busy': 'runner busy',
  'runner.draining': 'runner draining',
  'runner.drained': 'runner drained',
  'runner.ended': 'runner ended',
  'runner.lost': 'runner lost',
  'runner.failed': 'boot failed',
  'runner.terminated': 'runner gone',
  'runner.adopted': 'runner adopted',
  'runner.ordered': 'order for a runner',
  'runner.protected': 'runner protected',
  'pool.scaled': 'pool scaled',
  'pool.paused': 'pool paused',
  'pool.resumed': 'pool resumed',
  'pool.settings': 'settings changed',
  'pool.release': 'pool rolls over',
  'breaker.opened': 'launches stopped',
  'breaker.closed': 'launches resumed',
  'leader.elected': 'autoscaler took over',
};

export const eventTable = (events, withPool) =>
  events.length === 0
    ? h('p', { class: 'quiet' }, 'Nothing has happened yet.')
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
              h('th', {}, 'Time'),
              withPool && h('th', {}, 'Pool'),
              h('th', {}, 'Event'),
              h('th', {}, 'Runner'),
              h('th', {}, 'Reason'),
            ),
          ),
          h(
            'tbody',
            {},
            events.map((e) =>
              h(
                'tr',
                {},
                h('td', { class: 'fit quiet', title: moment(e.at) }, clock(e.at)),
                withPool && h('td', { class: 'fit' }, h('a', { href: link('pools', e.pool) }, e.pool)),
                h('td', { class: 'fit' }, EVENT_WORDS[e.type] ?? e.type),
                h('td', { class: 'fit mono' }, e.runnerId ?? ''),
                h('td', {}, e.reason),
              ),
            ),
          ),
        ),
      );

/** A button that does something and says what came of it. Not drawn for those who only look. */
export const actionButton = (label, path, { body, primary, ask, done } = {}) =>
  isOperator &&
  h(
    'button',
    {
      type: 'button',
      class: primary ? 'primary' : '',
      onclick: async (event) => {
        if (ask !== undefined && !confirm(ask)) return;
        const button = event.currentTarget;
        button.disabled = true;
        try {
          const answer = await post(path, body);
          notify(done?.(answer) ?? `${label}: ${answer.result ?? 'done'}`, 'good');
        } catch (error) {
          notify(error.message, 'bad');
        } finally {
          button.disabled = false;
        }
      },
    },
    label,
  );

let shown = { text: '', kind: '', until: 0 };
let redraw = () => {};

/** @param again asks the view to load at once */
export const onNotice = (again) => {
  redraw = again;
};

export const notify = (text, kind) => {
  shown = { text, kind, until: Date.now() + 8_000 };
  redraw();
};

export const notice = () =>
  Date.now() < shown.until ? h('div', { class: `notice ${shown.kind}`, role: 'status' }, shown.text) : undefined;
