/** docker/kubernetes: what Kubernetes' own document says of each manifest, and what each of them must be beside that. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { insecureParts } from './fake-kubernetes/check-pod.ts';
import { problemsOf } from './fake-kubernetes/schema.ts';
import type { FakePod } from './fake-kubernetes/types.ts';

const FOLDER = fileURLToPath(new URL('../docker/kubernetes/', import.meta.url));
const OVERLAYS = ['base', 'with-app', 'with-valkey'];

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: FakePod['spec'];
    };
  };
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const files = OVERLAYS.flatMap((overlay) =>
  readdirSync(join(FOLDER, overlay)).flatMap((name) => (name === 'kustomization.yaml' ? [] : [`${overlay}/${name}`])),
);
const manifests = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => ({
    file,
    manifest: document.toJS() as Manifest,
  })),
);
const workloads = manifests.flatMap(({ manifest }) =>
  manifest.spec?.template === undefined ? [] : [{ manifest, template: manifest.spec.template }],
);

describe.each(manifests.map((it) => [`${it.file}: ${it.manifest.kind} ${it.manifest.metadata.name}`, it] as const))(
  '%s',
  (_, { manifest }) => {
    test('is as the document says', async () => {
      expect(await problemsOf(manifest)).toEqual([]);
    });

    test('with any of its fields misspelled it is refused', async () => {
      const paths = fieldsOf(manifest);
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) expect(await problemsOf(misspelled(manifest, path)), path.join('.')).not.toEqual([]);
    });
  },
);

test('each kustomization names files that are there, and all of them', () => {
  for (const overlay of OVERLAYS) {
    const { resources } = parse(readFileSync(join(FOLDER, overlay, 'kustomization.yaml'), 'utf8')) as {
      readonly resources: readonly string[];
    };
    const own = readdirSync(join(FOLDER, overlay)).filter((name) => name !== 'kustomization.yaml');
    expect(resources.filter((name) => !name.startsWith('..')).sort()).toEqual(own.sort());
  }
});

test('every workload passes restricted pod security and has limits of its rights', () => {
  expect(workloads.length).toBe(4);
  for (const { manifest, template } of workloads) {
    const { name } = manifest.metadata;
    const { spec } = template;
    expect(insecureParts({ spec } as FakePod), name).toEqual([]);
    expect(
      spec.containers?.every(({ securityContext }) => securityContext?.readOnlyRootFilesystem === true),
      name,
    ).toBe(true);
    // Only who makes pods has a token.
    expect(spec.automountServiceAccountToken, name).toBe(name === 'flame-autoscaler');
    expect(template.metadata.labels).toMatchObject(manifest.spec?.selector?.matchLabels ?? { missing: 'selector' });
  }
});

test('the Role has the verbs that the backend asks for, and no more', () => {
  const roles = manifests.filter(({ manifest }) => manifest.kind === 'Role');
  expect(roles.map(({ manifest }) => manifest.rules)).toEqual([
    [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'delete'] }],
  ]);
  expect(manifests.some(({ manifest }) => /^Cluster/.test(manifest.kind))).toBe(false);
});

type Path = readonly (string | number)[];

/** Of the fields that the document names; keys of maps are free. */
const FREE = /^(matchLabels|labels|annotations|requests|limits|selector|stringData|data)$/;

const fieldsOf = (value: unknown, at: Path = []): readonly Path[] => {
  if (Array.isArray(value)) return value.flatMap((each, i) => fieldsOf(each, [...at, i]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const path = [...at, name];
    const free = FREE.test(String(at.at(-1))) && !(at.at(-1) === 'selector' && name === 'matchLabels');
    return free ? [] : [path, ...fieldsOf(each, path)];
  });
};

const misspelled = (value: unknown, path: Path): unknown => {
  const copy = structuredClone(value) as Record<string | number, unknown>;
  let holder = copy;
  for (const step of path.slice(0, -1)) holder = holder[step] as Record<string | number, unknown>;
  const name = path.at(-1) ?? '';
  holder[`${name}x`] = holder[name];
  delete holder[name];
  return copy;
};
