/**
 * The one page that all views share. It holds no data and no inline script: a module fetches the JSON API and builds the
 * view from texts, so that nothing in a call can become markup.
 */

export interface ShellOptions {
  readonly app: string;
  /** From this page to where the dashboard stands: `./`, `../`. */
  readonly root: string;
  /** Buttons are drawn for operators only; the guard is what keeps others out. */
  readonly operator: boolean;
}

export const renderShell = ({ app, root, operator }: ShellOptions): string => {
  const at = (path: string): string => escapeHtml(`${root}${path}`);
  const name = escapeHtml(app);
  return `<!doctype html>
<html lang="en" data-root="${escapeHtml(root)}" data-operator="${operator}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Flame · ${name}</title>
<link rel="icon" type="image/svg+xml" href="${at('assets/flame.svg')}">
<link rel="stylesheet" href="${at('assets/vendor/uplot.css')}">
<link rel="stylesheet" href="${at('assets/app.css')}">
<script type="module" src="${at('assets/app.js')}"></script>
</head>
<body>
<header class="top">
<a class="brand" href="${at('pools')}"><img src="${at('assets/flame.svg')}" alt="" width="22" height="22"><span>Flame</span><span class="app">${name}</span></a>
<nav aria-label="Main"><a href="${at('pools')}" data-nav="pools">Pools</a><a href="${at('calls')}" data-nav="calls">Calls</a><a href="${at('queues')}" data-nav="queues">Bull Board</a></nav>
<p class="live" id="live" role="status"></p>
</header>
<main id="view"><p class="quiet">Loading…</p><noscript><p>These pages need JavaScript. The command <code>flame status</code> shows the same.</p></noscript></main>
</body>
</html>
`;
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
