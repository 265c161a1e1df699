// npm run docs:site: the docs as a site in reports/site, with an API reference from docstrings. A dead link fails the build.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { prepare } from './lib/prepare.mjs';
import { main, root, say, step } from './lib/run.mjs';
import { tool } from './lib/tools.mjs';

const source = join(root, 'reports/site-source');

const TYPEDOC = ['--options', join(root, 'tools/site/typedoc.json'), '--out', join(source, 'api')];

await main(async () => {
  await prepare({ redis: false });
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  cpSync(join(root, 'docs'), source, { recursive: true });
  cpSync(join(root, 'README.md'), join(source, 'introduction.md'));
  for (const folder of ['', 'errors']) renameSync(join(source, folder, 'README.md'), join(source, folder, 'index.md'));
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.md'))
      writeFileSync(join(source, name), forSite(name, readFileSync(join(source, name), 'utf8')));
  }
  await step('API reference', process.execPath, [await tool('typedoc'), ...TYPEDOC], { quiet: true });
  await step('Site', process.execPath, [await tool('vitepress'), 'build', 'tools/site'], { quiet: true });
  say('The site is in reports/site; `npx serve reports/site` shows it.');
  return 0;
});

/** Links to what the site does not have become plain text; those to README lead to its page here. */
function forSite(page, text) {
  return text
    .replace(/\]\(([^)\s:]+)\)/g, (whole, link) => {
      const [path, anchor = ''] = link.split(/(?=#)/);
      if (path === '' || path.startsWith('#')) return whole;
      const target = normalize(join(page === 'introduction.md' ? '' : join('docs', dirname(page)), path));
      if (target === 'README.md') return `](${'../'.repeat(page.split('/').length - 1)}introduction.md${anchor})`;
      if (page === 'introduction.md' && target.startsWith('docs/'))
        return `](./${target.slice(5)}${anchor})`.replace('README.md', 'index.md');
      if (target.startsWith('docs/')) return whole.replace('README.md', 'index.md');
      return ']';
    })
    .replace(/!?\[([^\]]*)\](?!\(|\[|:)/g, (whole, label) => (/^[ x]$/.test(label) ? whole : label));
}
