/** An invoice, printed on a runner; the bytes come back and are written here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flame } from './flame.ts';
import { htmlToPdf } from './tasks.ts';

const out = process.argv[2] ?? 'out';
const invoice = `<!doctype html><title>Invoice 17</title><h1>Invoice 17</h1>
<table><tr><td>A photograph, 640 px<td>19.90</table>`;

const autoscaler = createAutoscaler(config);
await autoscaler.start();
try {
  const pdf = await flame.call(htmlToPdf, invoice);
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'invoice.pdf'), pdf);
  console.log(`${join(out, 'invoice.pdf')}: ${pdf.length} bytes`);
} finally {
  await flame.close();
  await autoscaler.stop();
}
