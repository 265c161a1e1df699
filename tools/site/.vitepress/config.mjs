// Of the site that `npm run docs:site` builds: the pages come from docs/ and README, the API reference from docstrings.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = (text, link) => ({ text, link });
const SOURCES = join(dirname(fileURLToPath(import.meta.url)), '../../../reports/site-source');

/** By the table of docs/errors, so that nothing is listed twice. */
const errors = () => {
  const index = join(SOURCES, 'errors/index.md');
  if (!existsSync(index)) return [];
  return [...readFileSync(index, 'utf8').matchAll(/\[(FLAME_ERR\w*)\]/g)].map(([, code]) =>
    page(code, `/errors/${code}`),
  );
};

const sidebar = [
  {
    text: 'Begin',
    items: [
      page('Introduction', '/introduction'),
      page('Concepts', '/concepts'),
      page('Examples', '/examples'),
      page('When to use something else', '/comparison'),
      page('Coming from BullMQ', '/bullmq'),
      page('Coming from the BEAM', '/beam'),
    ],
  },
  {
    text: 'Write',
    items: [
      page('Closures', '/closures'),
      page('Values', '/values'),
      page('Files and large data', '/files'),
      page('Executors', '/executors'),
      page('Timeouts', '/timeouts'),
      page('Retries and idempotency', '/retries'),
      page('Testing', '/testing'),
      page('Configuration', '/configuration'),
    ],
  },
  {
    text: 'Run',
    items: [
      page('From TypeScript to production', '/typescript'),
      page('Production', '/production'),
      page('Deploying', '/deploying'),
      page('Secrets and environment', '/secrets'),
      page('Redis', '/redis'),
      page('Operating', '/operating'),
      page('Dashboard', '/dashboard'),
      page('Metrics and traces', '/metrics-and-traces'),
      page('Costs', '/costs'),
      page('Troubleshooting', '/troubleshooting'),
    ],
  },
  {
    text: 'Backends',
    items: ['local', 'docker', 'ec2', 'fly', 'kubernetes', 'write-your-own']
      .filter((name) => existsSync(join(SOURCES, 'backends', `${name}.md`)))
      .map((name) => page(name.replaceAll('-', ' '), `/backends/${name}`)),
  },
  {
    text: 'Trust',
    items: [
      page('Reliability', '/reliability'),
      page('Threat model', '/threat-model'),
      page('What a call costs', '/performance'),
    ],
  },
  { text: 'Errors', collapsed: true, items: [page('All', '/errors/'), ...errors()] },
  { text: 'API', items: [page('Reference', '/api/')] },
];

const listed = JSON.stringify(sidebar);
const more = (existsSync(SOURCES) ? readdirSync(SOURCES) : [])
  .filter((name) => name.endsWith('.md') && name !== 'index.md')
  .map((name) => name.slice(0, -'.md'.length))
  .filter((name) => !listed.includes(`"/${name}"`));
// A new page is found, even when nobody has given it a place.
if (more.length > 0)
  sidebar.push({ text: 'More', items: more.map((name) => page(name.replaceAll('-', ' '), `/${name}`)) });

export default {
  title: 'Flame',
  description: 'Durable FLAME calls for TypeScript',
  srcDir: '../../reports/site-source',
  outDir: '../../reports/site',
  cacheDir: '../../reports/site-cache',
  cleanUrls: true,
  themeConfig: {
    sidebar,
    nav: [page('Docs', '/'), page('Errors', '/errors/'), page('API', '/api/')],
    search: { provider: 'local' },
    outline: [2, 3],
  },
};
