/** One call: where it is and why, what went in, what came out, what it printed. */
import { get, link } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { bytes, duration, moment } from '../lib/format.js';
import { actionButton, facts, notice } from './parts.js';
import { timeline } from './timeline.js';

const MOST_BYTES = 4 * 1024 * 1024;

export const call = (id) => {
  /** Read once for each generation and ending: they cannot change otherwise, and may be large. */
  let read = { key: '', parts: {} };
  const limits = {};

  return {
    everyMs: 1_500,
    title: () => id,
    async load(again) {
      const path = `calls/${encodeURIComponent(id)}`;
      let found;
      try {
        found = (await get(path)).call;
      } catch (error) {
        if (error.status !== 404 && error.status !== 400) throw error;
        return [head(id, 'Unknown call', 'unknown', error.message)];
      }
      const key = [found.generation, found.state, JSON.stringify(limits)].join();
      if (read.key !== key) {
        const [args, outcome] = await Promise.all(
          ['arguments', 'outcome'].map((what) => get(`${path}/${what}${limits[what] ? `?limit=${limits[what]}` : ''}`)),
        );
        read = { key, parts: { arguments: args, outcome } };
      }
      const logs = await get(`${path}/logs`);
      const more = (what) => () => {
        limits[what] = MOST_BYTES;
        again();
      };
      const settled = found.state === 'succeeded' || found.state === 'failed';
      return [
        notice(),
        head(
          id,
          found.functionName || 'Call',
          found.state,
          found.state === 'failed' ? '' : `${sentence(found.text)}.`,
          buttons(found, path),
        ),
        timeline(found),
        settled &&
          h(
            'section',
            { class: 'card', id: 'outcome' },
            h('h2', {}, found.state === 'failed' ? 'Error' : 'Result'),
            payload(read.parts.outcome, more('outcome')),
          ),
        h('section', { class: 'card' }, facts(factsOf(found))),
        h(
          'section',
          { class: 'card', id: 'arguments' },
          h('h2', {}, 'Arguments'),
          payload(read.parts.arguments, more('arguments')),
        ),
        h('section', { class: 'card', id: 'logs' }, h('h2', {}, 'Output'), output(logs)),
      ];
    },
  };
};

const head = (id, title, state, text, buttons = []) =>
  h(
    'div',
    { class: 'head' },
    h(
      'div',
      {},
      h('p', { class: 'crumb' }, h('a', { href: link('calls') }, 'Calls'), ' · ', h('span', { class: 'mono' }, id)),
      h('h1', {}, title, ' ', h('span', { class: `tag ${state}` }, state)),
      text && h('p', {}, text),
    ),
    h('div', { class: 'actions' }, buttons),
  );

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const buttons = (found, path) => [
  found.canRetry &&
    actionButton('Retry', `${path}/retry`, {
      primary: true,
      done: ({ result }) =>
        result === 'retried' ? 'It runs again, with fresh attempts' : `It was not retried: ${result}`,
    }),
  found.canCancel &&
    actionButton('Cancel', `${path}/cancel`, {
      ask: 'Stop this call for good?',
      done: ({ result }) => `Cancel: ${result}`,
    }),
];

const factsOf = (c) => [
  ['Pool', h('a', { href: link('pools', c.pool) }, c.pool)],
  ['Runner', c.runnerId && h('span', { class: 'mono' }, c.runnerId)],
  ['Attempts', c.retries > 0 ? `${c.attempts} (${c.retries} retries allowed)` : String(c.attempts)],
  ['Generation', c.generation > 1 ? `${c.generation}: retried by hand` : ''],
  ['Runners lost', c.runnerLosses > 0 ? String(c.runnerLosses) : ''],
  ...historyOf(c),
  ['Accepted', c.enqueuedAt > 0 ? moment(c.enqueuedAt) : ''],
  ['Started', c.startedAt > 0 ? moment(c.startedAt) : ''],
  ['Ended', c.finishedAt > 0 ? moment(c.finishedAt) : ''],
  ['Took', c.finishedAt > 0 && c.startedAt > 0 ? duration(c.finishedAt - c.startedAt) : ''],
  ['Due', c.dueAt > 0 ? moment(c.dueAt) : ''],
  ['Deadline', c.deadlineAt > 0 ? moment(c.deadlineAt) : ''],
  ['Timeout', c.timeoutMs !== null ? duration(c.timeoutMs) : ''],
  ['Release', c.release],
  ['Kept until', c.keptUntil > 0 ? moment(c.keptUntil) : ''],
];

/** The attempts before the one that settled it, or that runs now. */
const historyOf = (c) =>
  c.history.map((past, at) => [
    `Attempt ${at + 1}`,
    h(
      'span',
      {},
      `${moment(past.startedAt)}, ${duration(past.endedAt - past.startedAt)} on `,
      h('span', { class: 'mono' }, past.runnerId),
      `: ${past.ended}`,
      past.lines.length > 0 && h('pre', {}, past.lines.join('\n')),
    ),
  ]);

const payload = (shown, more) => {
  switch (shown.kind) {
    case 'none':
      return h('p', { class: 'quiet' }, 'Not kept (any more).');
    case 'value':
      return [h('pre', {}, JSON.stringify(shown.value, null, 2)), size(shown)];
    case 'error':
      return [
        h(
          'p',
          { class: 'error-name' },
          shown.error.name,
          shown.error.code && h('span', { class: 'quiet small' }, `  ${shown.error.code}`),
        ),
        h('p', { class: 'error-message' }, shown.error.message),
        shown.error.advice && h('p', { class: 'advice' }, shown.error.advice),
        shown.error.causes.map((cause) => h('p', { class: 'quiet' }, `caused by ${cause}`)),
        shown.error.stack && h('pre', {}, shown.error.stack),
      ];
    case 'too-large':
      return h(
        'p',
        { class: 'quiet' },
        `${bytes(shown.size)}: not loaded. `,
        shown.size <= MOST_BYTES && h('button', { type: 'button', class: 'link', onclick: more }, 'Load it'),
      );
    default:
      return h('p', { class: 'quiet' }, `${bytes(shown.size)} that cannot be shown here: ${shown.message}`);
  }
};

const size = (shown) => h('p', { class: 'quiet small' }, bytes(shown.size), shown.cut ? ', shown in part' : '');

const output = ({ lines, total }) =>
  lines.length === 0
    ? h('p', { class: 'quiet' }, 'It has printed nothing.')
    : [
        total > lines.length && h('p', { class: 'quiet small' }, `The last ${lines.length} of ${total} lines`),
        h('pre', {}, lines.join('\n')),
      ];
