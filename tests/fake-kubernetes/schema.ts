/**
 * Kubernetes' own OpenAPI document as data: the models that the official client is generated from it with (v1.34), which name
 * every field with its type, and in their declarations which are required. Nothing of it is copied here.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

interface Model {
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly required: readonly string[];
}

const FOLDER = new URL('./gen/models/', import.meta.resolve('@kubernetes/client-node'));
const models = new Map<string, Promise<Model>>();

const modelOf = (name: string): Promise<Model> => {
  const known = models.get(name);
  if (known !== undefined) return known;
  const model = load(name);
  models.set(name, model);
  return model;
};

const load = async (name: string): Promise<Model> => {
  const file = new URL(`${name}.js`, FOLDER);
  const loaded = (await import(file.href)) as Record<string, { readonly attributeTypeMap: readonly Attribute[] }>;
  const attributes = new Map(loaded[name]?.attributeTypeMap.map((it) => [it.baseName, it]));
  const declared = readFileSync(fileURLToPath(new URL(`${name}.d.ts`, FOLDER)), 'utf8');
  return { attributes, required: [...declared.matchAll(/^ {4}'(\w+)': /gm)].map(([, field = '']) => field) };
};

const KINDS: Readonly<Record<string, string>> = {
  'v1 Pod': 'V1Pod',
  'v1 Service': 'V1Service',
  'v1 ServiceAccount': 'V1ServiceAccount',
  'v1 Secret': 'V1Secret',
  'v1 ConfigMap': 'V1ConfigMap',
  'v1 Namespace': 'V1Namespace',
  'v1 PersistentVolumeClaim': 'V1PersistentVolumeClaim',
  'v1 DeleteOptions': 'V1DeleteOptions',
  'apps/v1 Deployment': 'V1Deployment',
  'apps/v1 StatefulSet': 'V1StatefulSet',
  'rbac.authorization.k8s.io/v1 Role': 'V1Role',
  'rbac.authorization.k8s.io/v1 RoleBinding': 'V1RoleBinding',
  'networking.k8s.io/v1 NetworkPolicy': 'V1NetworkPolicy',
  'policy/v1 PodDisruptionBudget': 'V1PodDisruptionBudget',
  'autoscaling/v2 HorizontalPodAutoscaler': 'V2HorizontalPodAutoscaler',
  'authorization.k8s.io/v1 SelfSubjectAccessReview': 'V1SelfSubjectAccessReview',
};

/** @returns what is wrong with an object, with the path of each field; nothing when it is as the document says */
export const problemsOf = async (object: unknown): Promise<readonly string[]> => {
  const { apiVersion, kind } = (object ?? {}) as { readonly apiVersion?: unknown; readonly kind?: unknown };
  const model = KINDS[`${apiVersion} ${kind}`];
  if (model === undefined) return [`no kind "${kind}" is registered for version "${apiVersion}"`];
  return check(object, model, '', '');
};

const check = async (value: unknown, type: string, format: string, path: string): Promise<readonly string[]> => {
  // Go reads null as not given.
  if (value === null || type === 'any') return [];
  const wrong = (expected: string): readonly string[] => [
    `${path.slice(1) || 'body'}: expected ${expected}, got ${JSON.stringify(value)}`,
  ];
  const array = /^Array<(.*)>$/.exec(type)?.[1];
  if (array !== undefined) {
    if (!Array.isArray(value)) return wrong('a list');
    return (await Promise.all(value.map((each, i) => check(each, array, format, `${path}[${i}]`)))).flat();
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    if (!isObject(value)) return wrong('a map');
    const entries = Object.entries(value);
    return (await Promise.all(entries.map(([key, each]) => check(each, map, format, `${path}.${key}`)))).flat();
  }
  switch (type) {
    case 'string':
      return typeof value === 'string' ? [] : wrong('a string');
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong('true or false');
    case 'number':
      return typeof value === 'number' && (!/^int/.test(format) || Number.isInteger(value)) ? [] : wrong('a number');
    case 'IntOrString':
      return typeof value === 'string' || Number.isInteger(value) ? [] : wrong('a whole number or a string');
    case 'Date':
    case 'V1MicroTime':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? [] : wrong('a time');
    default:
      return isObject(value) ? checkFields(value, await modelOf(type), path) : wrong('an object');
  }
};

const checkFields = async (
  value: Readonly<Record<string, unknown>>,
  { attributes, required }: Model,
  path: string,
): Promise<readonly string[]> => {
  const missing = required
    .filter((name) => value[name] === undefined || value[name] === null)
    .map((name) => `${`${path}.${name}`.slice(1)}: Required value`);
  const found = await Promise.all(
    Object.entries(value).map(async ([name, each]) => {
      const attribute = attributes.get(name);
      const at = `${path}.${name}`;
      if (attribute === undefined) return [`unknown field "${at.slice(1)}"`];
      return check(each, attribute.type, attribute.format, at);
    }),
  );
  return [...missing, ...found.flat()];
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
