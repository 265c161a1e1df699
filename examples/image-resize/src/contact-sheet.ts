/** The result to look at: one self-contained HTML page with every picture in every width, and what went wrong. */
export interface SheetPicture {
  readonly width: number;
  readonly file: string;
  readonly webp: Buffer;
  readonly ms: number;
}

export interface SheetPhoto {
  readonly name: string;
  readonly bytes: number;
  readonly pictures: readonly SheetPicture[];
  /** Why there are no pictures. */
  readonly error?: Error;
}

export const contactSheet = (
  photos: readonly SheetPhoto[],
  facts: readonly (readonly [string, string])[],
): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flame: resized photographs</title>
<style>${style}</style>
<header>
  <h1>Resized on runners that came and went</h1>
  <dl>${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
</header>
<main>${photos.map(section).join('\n')}</main>
</html>
`;

export const size = (bytes: number): string =>
  bytes < 1_000
    ? `${bytes} B`
    : bytes < 1_000_000
      ? `${(bytes / 1_000).toFixed(0)} kB`
      : `${(bytes / 1_000_000).toFixed(1)} MB`;

const section = (photo: SheetPhoto): string => `
<section>
  <h2>${escapeHtml(photo.name)} <small>${size(photo.bytes)}</small></h2>
  ${photo.error === undefined ? `<div class="row">${photo.pictures.map(figure).join('')}</div>` : problem(photo.error)}
</section>`;

const figure = ({ width, file, webp, ms }: SheetPicture): string => `
<figure>
  <a href="${escapeHtml(file)}"><img src="data:image/webp;base64,${webp.toString('base64')}" width="${width}" alt="${escapeHtml(file)}"></a>
  <figcaption>${width} px <span>${size(webp.length)} · ${ms.toFixed(0)} ms</span></figcaption>
</figure>`;

const problem = (error: Error): string =>
  `<p class="error"><strong>${escapeHtml(error.name)}</strong> ${escapeHtml(error.message)}</p>`;

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const style = `
:root { color-scheme: light dark; --line: #8883; --quiet: #8889; --bad: #c0392b; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1200px; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
h2 { font-size: 1rem; margin: 0 0 .75rem; }
small, span, dt { color: GrayText; font-weight: normal; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 0; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.25rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-end; }
figure { margin: 0; max-width: 320px; }
img { display: block; max-width: 100%; height: auto; border-radius: 4px; background: var(--line); }
figcaption { font-size: .8rem; margin-top: .35rem; font-variant-numeric: tabular-nums; }
.error { border-left: 4px solid var(--bad); background: #c0392b14; margin: 0; padding: .75rem 1rem; }
.error strong { color: var(--bad); }
`;
