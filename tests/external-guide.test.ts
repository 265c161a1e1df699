/** docs/backends/external.md: its manifests are what Kubernetes and KEDA take. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { insecureParts } from './fake-kubernetes/check-pod.ts';
import type { FakePod } from './fake-kubernetes/index.ts';
import { problemsOf } from './fake-kubernetes/schema.ts';

interface Manifest {
  readonly kind: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly rules?: readonly unknown[];
}

const page = readFileSync(new URL('../docs/backends/external.md', import.meta.url), 'utf8');
const manifests = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest),
);
const of = (kind: string): Manifest =>
  manifests.find((it) => it.kind === kind) ?? (expect.unreachable(`the page has no ${kind}`) as never);

test('the Deployment, the HPA and the Role of the page are as Kubernetes’ own document says, and the pod is a restricted one', async () => {
  expect(await problemsOf(of('Deployment'))).toEqual([]);
  expect(await problemsOf(of('HorizontalPodAutoscaler'))).toEqual([]);
  const { spec } = (of('Deployment').spec as { template: { spec: FakePod['spec'] } }).template;
  expect(insecureParts({ spec } as FakePod)).toEqual([]);
  expect(await problemsOf(of('Role'))).toEqual([]);
  expect(of('Role').rules).toEqual([{ apiGroups: [''], resources: ['pods'], verbs: ['patch'] }]);
  // An apply must not undo what the platform was told.
  expect(of('Deployment').spec.replicas).toBeUndefined();
});

/** Of KEDA's `ScaledObjectSpec`, `Fallback` and the external scaler's metadata. */
const FIELDS = {
  spec: [
    ...['scaleTargetRef', 'pollingInterval', 'initialCooldownPeriod', 'cooldownPeriod', 'idleReplicaCount'],
    ...['minReplicaCount', 'maxReplicaCount', 'advanced', 'triggers', 'fallback'],
  ],
  fallback: ['failureThreshold', 'replicas', 'behavior'],
  advanced: ['horizontalPodAutoscalerConfig', 'restoreToOriginalReplicaCount', 'scalingModifiers'],
  trigger: ['type', 'name', 'useCachedMetrics', 'metadata', 'authenticationRef', 'metricType'],
};

test('the ScaledObject of the page has fields that KEDA has, a tolerance of 0 both ways, and a fallback that keeps what there is', async () => {
  const { spec } = of('ScaledObject') as unknown as {
    readonly spec: {
      readonly fallback: object;
      readonly advanced: { readonly horizontalPodAutoscalerConfig: { readonly behavior: object } };
      readonly triggers: readonly { readonly metadata: object }[];
      readonly maxReplicaCount: number;
    };
  };
  const unknown = (value: object, fields: readonly string[]) =>
    Object.keys(value).filter((name) => !fields.includes(name));
  expect(unknown(spec, FIELDS.spec)).toEqual([]);
  expect(unknown(spec.fallback, FIELDS.fallback)).toEqual([]);
  expect(unknown(spec.advanced, FIELDS.advanced)).toEqual([]);
  expect(spec.triggers.flatMap((trigger) => unknown(trigger, FIELDS.trigger))).toEqual([]);
  expect(spec.fallback).toMatchObject({ behavior: 'currentReplicas' });
  expect(spec.triggers).toHaveLength(1);
  expect(spec.triggers[0]).toMatchObject({ type: 'external-push', metadata: { pool: 'images', enableTLS: 'true' } });
  const { behavior } = spec.advanced.horizontalPodAutoscalerConfig;
  expect(behavior).toMatchObject({ scaleUp: { tolerance: '0' }, scaleDown: { tolerance: '0' } });
  // It becomes the behavior of an HPA.
  const hpa = of('HorizontalPodAutoscaler');
  expect(await problemsOf({ ...hpa, spec: { ...hpa.spec, behavior } })).toEqual([]);
  expect(spec.maxReplicaCount).toBe(Number(/max: (\d+), backend: external\(\)/.exec(page)?.[1]));
});
