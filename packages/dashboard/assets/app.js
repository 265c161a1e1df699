/** Picks the view by the path, loads it again and again, and changes on the page only what has changed. */
import { base } from './lib/api.js';
import { patchChildren } from './lib/dom.js';
import { poll } from './lib/live.js';
import { call } from './views/call.js';
import { calls } from './views/calls.js';
import { onNotice } from './views/parts.js';
import { pool } from './views/pool.js';
import { pools } from './views/pools.js';
import { tune } from './views/tune.js';

const [section, name, part] = location.pathname
  .slice(base.length + 1)
  .split('/')
  .map(decodeURIComponent);

const view =
  name === undefined || name === ''
    ? ({ pools, calls: calls() }[section] ?? pools)
    : { pools: part === 'tune' ? tune : pool, calls: call }[section](name);

document.querySelector(`[data-nav="${section === 'calls' ? 'calls' : 'pools'}"]`).setAttribute('aria-current', 'page');
document.title = `${view.title()} · ${document.title}`;

const main = document.getElementById('view');
const again = poll(async () => {
  const parts = await view.load(() => again());
  patchChildren(main, parts.flat().filter(Boolean));
}, view.everyMs);
onNotice(() => again());
