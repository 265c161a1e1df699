/** The settings of a running pool: what they are, what others would have done in the last hour, and the change itself. */
import { get, isOperator, link, post } from '../lib/api.js';
import { chart } from '../lib/chart.js';
import { h } from '../lib/dom.js';
import { clock, duration, moment, plural } from '../lib/format.js';
import { compare, facts, notice, notify } from './parts.js';

/** Name of the field, what it is called, and how many ms its unit has when it is a duration. */
const NUMBERS = [
  ['min', 'At least (runners)'],
  ['max', 'At most (runners)'],
  ['buffer', 'Spare slots'],
  ['idleShutdownAfterMs', 'An idle runner ends after (s)', 1_000],
  ['scaleDownWindowMs', 'Smaller only after (s)', 1_000],
];
const POLICIES = {
  queueDepth: '{"callsPerRunner": 4}',
  work: '{"withinMs": 60000}',
  waitTime: '{"target": "10s"}',
  step: '[{"calls": 1, "runners": 1}, {"calls": 50, "runners": 5}]',
  schedule: '{"periods": [{"cron": "0 8 * * 1-5", "lasts": "10h", "runners": 2}], "tz": "Europe/Berlin"}',
  combined: '[{"name": "queueDepth"}, {"name": "schedule", "options": []}]',
};
const HOLDS = { out: 'launch nothing', in: 'end nothing', all: 'neither' };
const LINES = [
  ['had', 'runners there were'],
  ['now', 'simulated as it is'],
  ['would', 'runners there would have been'],
];

export const tune = (name) => {
  const path = `pools/${encodeURIComponent(name)}/settings`;
  let tried;
  const onTried = (replay) => {
    tried = replay;
  };
  return {
    everyMs: 5_000,
    title: () => `Tune ${name}`,
    async load(again) {
      const view = await get(path);
      return [
        notice(),
        h(
          'div',
          { class: 'head' },
          h(
            'div',
            {},
            h('p', { class: 'crumb' }, h('a', { href: link('pools', name) }, name)),
            h('h1', {}, `Tune ${name}`),
            h('p', {}, 'Changes are in force at the autoscaler’s next tick, and last until they are taken back.'),
          ),
        ),
        view.problems.length > 0 &&
          h('div', { class: 'notice bad' }, `These settings are refused: ${view.problems.join('; ')}`),
        h('section', { class: 'card' }, h('h2', {}, 'In force'), inForce(view)),
        isOperator && h('section', { class: 'card' }, h('h2', {}, 'Change'), form(view, { path, again, onTried })),
        tried && h('section', { class: 'card', id: 'tried' }, h('h2', {}, 'The last hour, replayed'), replayed(tried)),
      ];
    },
  };
};

const inForce = ({ effective: e, by, at }) =>
  facts([
    ['runners', `${e.min} to ${e.max}`],
    ['spare slots', String(e.buffer)],
    ['policy', e.policy],
    ['idle runners end after', duration(e.idleShutdownAfterMs)],
    ['smaller only after', duration(e.scaleDownWindowMs)],
    ['held by an operator', HOLDS[e.paused]],
    ['set by an operator', e.override && `${plural(e.override.desired, 'runner')} until ${clock(e.override.until)}`],
    ['last changed', at === 0 ? 'never: as the config says' : `by ${by || 'somebody'}, ${moment(at)}`],
  ]);

const form = ({ configured, live }, { path, again, onTried }) => {
  const run = (work) => async (event) => {
    event.preventDefault();
    const element = event.currentTarget.closest('form');
    try {
      await work(element);
    } catch (error) {
      notify(error.message, 'bad');
    }
    again();
  };
  const replay = run(async (element) => onTried(await post(`${path}/replay`, changeOf(element, live))));
  const apply = run(async (element) => {
    await post(path, changeOf(element, live));
    notify('In force at the autoscaler’s next tick', 'good');
    element.reset();
  });
  const back = run(async (element) => {
    if (!confirm('Take all live settings back, so that the config is in force again?')) return;
    await post(path, Object.fromEntries(Object.keys(live).map((name) => [name, null])));
    notify('The config is in force again', 'good');
    element.reset();
  });
  const policy = policyFields(live.policy);
  return h(
    'form',
    { class: 'tune', onsubmit: apply },
    NUMBERS.map(([name, label, unit = 1]) =>
      field(label, {
        name,
        type: 'number',
        min: 0,
        step: unit === 1 ? 1 : 'any',
        value: name in live ? live[name] / unit : undefined,
        placeholder: configured[name] / unit,
      }),
    ),
    choice('Policy', 'policy', `the config’s: ${configured.policy}`, Object.keys(POLICIES), policy.name),
    field('Its options (JSON)', {
      name: 'options',
      value: policy.options,
      placeholder: POLICIES[policy.name] ?? 'none',
      class: 'mono',
    }),
    choice('Hold scaling', 'paused', 'nothing is held', HOLDS, live.paused),
    field('Exactly (runners)', { name: 'desired', type: 'number', min: 0, placeholder: 'as the policy wants' }),
    field('For (minutes)', { name: 'minutes', type: 'number', min: 1, placeholder: '60' }),
    h(
      'div',
      { class: 'buttons' },
      h('button', { type: 'button', onclick: replay }, 'Try on the last hour'),
      h('button', { type: 'submit', class: 'primary' }, 'Apply'),
      Object.keys(live).length > 0 && h('button', { type: 'button', onclick: back }, 'Back to the config'),
    ),
  );
};

const field = (label, attributes) => h('label', {}, label, h('input', attributes));

const choice = (label, name, none, options, value = '') =>
  h(
    'label',
    {},
    label,
    h(
      'select',
      { name },
      h('option', { value: '', selected: value === '' }, none),
      (Array.isArray(options) ? options.map((o) => [o, o]) : Object.entries(options)).map(([key, text]) =>
        h('option', { value: key, selected: value === key }, text),
      ),
    ),
  );

const policyFields = (policy) => {
  if (policy === undefined) return { name: '', options: undefined };
  if (Array.isArray(policy)) return { name: 'combined', options: JSON.stringify(policy) };
  return { name: policy.name, options: policy.options === undefined ? undefined : JSON.stringify(policy.options) };
};

/** What a form asks for: an empty field is the config's, an override only where one is given. @throws Error for bad JSON */
const changeOf = (element, live) => {
  const text = (name) => element.elements[name].value.trim();
  const change = {};
  for (const [name, , unit = 1] of NUMBERS) {
    if (text(name) !== '') change[name] = Math.round(Number(text(name)) * unit);
    else if (name in live) change[name] = null;
  }
  if (text('policy') !== '') change.policy = policyOf(text('policy'), text('options'));
  else if ('policy' in live) change.policy = null;
  if (text('paused') !== '') change.paused = text('paused');
  else if ('paused' in live) change.paused = null;
  if (text('desired') !== '') {
    change.override = { desired: Number(text('desired')), forMs: Number(text('minutes') || 60) * 60_000 };
  }
  return change;
};

const policyOf = (name, text) => {
  let options;
  try {
    options = text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    throw new Error(`the policy's options are no JSON: ${error.message}`);
  }
  return name === 'combined' ? options : { name, ...(options === undefined ? {} : { options }) };
};

const replayed = ({ points, had, now, would, lowerBoundMs, notes, reasons }) => {
  if (points.length < 2)
    return h('p', { class: 'quiet' }, 'No autoscaler has looked at this pool yet: there is no past.');
  const rows = [
    ['runner time', (t) => duration(t.runnerMs)],
    ['most runners', (t) => String(t.most)],
    ['launches', (t) => String(t.launches)],
    ['calls waited for slots', (t) => duration(t.shortMs)],
    ['wait, half of the calls', (t) => t.waitMs && duration(t.waitMs.p50)],
    ['wait, 95 of 100 calls', (t) => t.waitMs && duration(t.waitMs.p95)],
    ['wait, 99 of 100 calls', (t) => t.waitMs && duration(t.waitMs.p99)],
    ['never served', (t) => t.waitMs && String(t.unserved)],
  ];
  return [
    chart(points, LINES),
    compare(
      ['', 'was', 'simulated as it is', 'would have been'],
      rows.map(([label, show]) => [label, show(had) ?? '', show(now), show(would)]),
    ),
    h(
      'p',
      { class: 'quiet small' },
      `No settings serve these calls with less than ${duration(lowerBoundMs)} of runner time. ${notes.join('; ')}. ` +
        `At the end: ${reasons.join('; ')}.`,
    ),
  ];
};
