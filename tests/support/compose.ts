/** `docker/compose.yaml` as compose itself reads it: variables filled in, anchors merged. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly [other: string]: unknown;
}

export interface ComposeFile {
  readonly services: Readonly<Record<'redis' | 'autoscaler' | 'dashboard', ComposeService>>;
  readonly networks: object;
  readonly volumes: object;
}

export const composeText = readFileSync(new URL('../../docker/compose.yaml', import.meta.url), 'utf8');

/** As compose does: variables of the environment, `$$` for a dollar. */
export const fillCompose = (given: Readonly<Record<string, string>>): string =>
  composeText.replace(/\$\$|\$\{(\w+):\?[^}]*\}/g, (all, name?: string) =>
    name === undefined ? '$' : (given[name] ?? all),
  );

export const readCompose = (given: Readonly<Record<string, string>>): ComposeFile =>
  parse(fillCompose(given), { merge: true }) as ComposeFile;
