/** The text format of Prometheus (0.0.4), of the metrics in the catalogue and of nothing else. */
import { BUCKET_BOUNDS_MS, type HistogramName } from './buckets.ts';
import { METRICS, type MetricName } from './catalog.ts';
import type { Numbers } from './pool-numbers.ts';

type Labels = Readonly<Record<string, string>>;

export interface Exposition {
  add(name: MetricName, labels: Labels, value: number): void;
  /** @param of the stored fields, in which it begins with `field` */
  addHistogram(name: MetricName, labels: Labels, of: Numbers, field: HistogramName): void;
  /** Metrics in the order of the catalogue; those without a value only with their description. */
  text(): string;
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const createExposition = (): Exposition => {
  const lines = new Map<MetricName, string[]>();
  const push = (name: MetricName, line: string): void => {
    const own = lines.get(name);
    if (own === undefined) lines.set(name, [line]);
    else own.push(line);
  };
  return {
    add: (name, labels, value) => push(name, sampleLine(name, labels, value)),
    addHistogram(name, labels, of, field) {
      let sofar = 0;
      for (let i = 0; i <= BUCKET_BOUNDS_MS.length; i += 1) {
        sofar += of(`${field}${i}`);
        const bound = BUCKET_BOUNDS_MS[i];
        const le = bound === undefined ? '+Inf' : String(bound / 1000);
        push(name, `${name}_bucket${labelText({ ...labels, le })} ${number(sofar)}`);
      }
      push(name, `${name}_sum${labelText(labels)} ${number(of(`${field}sum`) / 1000)}`);
      push(name, `${name}_count${labelText(labels)} ${number(sofar)}`);
    },
    text: () =>
      Object.entries(METRICS)
        .flatMap(([name, { help, type }]) => [
          `# HELP ${name} ${help}`,
          `# TYPE ${name} ${type}`,
          ...(lines.get(name as MetricName) ?? []),
        ])
        .map((line) => `${line}\n`)
        .join(''),
  };
};

/** @returns one sample, without the end of its line */
export const sampleLine = (name: MetricName, labels: Labels, value: number): string =>
  `${name}${labelText(labels)} ${number(value)}`;

/** Without an exponent: not every reader takes one. */
const number = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toFixed(9))).replace(/^-?\d(\.\d+)?e.*$/, '0') : '0';

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
