/** The one metric that a platform scales by, alone: for who may read that and nothing else. */
import type { PlatformDecision } from '../platform-decision.ts';
import { METRICS } from './catalog.ts';
import { sampleLine } from './exposition.ts';

/** @returns the text that Prometheus reads; what is not known has no sample */
export const renderReplicas = (decisions: ReadonlyMap<string, PlatformDecision>): string => {
  const { help, type } = METRICS.flame_replicas_wanted;
  const samples = [...decisions].flatMap(([pool, decision]) =>
    decision.known ? [sampleLine('flame_replicas_wanted', { pool }, decision.wanted)] : [],
  );
  const head = [`# HELP flame_replicas_wanted ${help}`, `# TYPE flame_replicas_wanted ${type}`];
  return `${[...head, ...samples].join('\n')}\n`;
};
