/** What the API server refuses of a pod although its fields are known: names, references, restricted pod security. */
import type { FakePod, PodContainer } from './types.ts';

const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)$/;
const QUANTITY = /^\d+(\.\d+)?(m|[kMGTPE]i?)?$/;

/** @returns the causes of a 422 */
export const invalidParts = (pod: FakePod): readonly string[] => {
  const found: string[] = [];
  const { name, labels = {}, annotations = {} } = pod.metadata;
  if (!DNS_NAME.test(name) || name.length > 253) found.push(`metadata.name: Invalid value: "${name}"`);
  for (const [key, value] of Object.entries(labels)) {
    if (!LABEL_KEY.test(key)) found.push(`metadata.labels: Invalid value: "${key}"`);
    if (!LABEL_VALUE.test(value) || value.length > 63) found.push(`metadata.labels: Invalid value: "${value}"`);
  }
  for (const key of Object.keys(annotations))
    if (!LABEL_KEY.test(key)) found.push(`metadata.annotations: Invalid value: "${key}"`);
  const { containers = [], initContainers = [], volumes = [], restartPolicy = 'Always' } = pod.spec;
  if (!['Always', 'OnFailure', 'Never'].includes(restartPolicy)) found.push('spec.restartPolicy: Unsupported value');
  if (containers.length === 0) found.push('spec.containers: Required value');
  for (const field of ['terminationGracePeriodSeconds', 'activeDeadlineSeconds'] as const) {
    const value = pod.spec[field];
    if (value !== undefined && value < (field === 'activeDeadlineSeconds' ? 1 : 0))
      found.push(`spec.${field}: Invalid value: ${value}`);
  }
  const names = [...containers, ...initContainers].map((each) => each.name);
  for (const [i, each] of names.entries()) {
    if (!DNS_LABEL.test(each)) found.push(`spec.containers[${i}].name: Invalid value: "${each}"`);
    if (names.indexOf(each) !== i) found.push(`spec.containers[${i}].name: Duplicate value: "${each}"`);
  }
  const volumeNames = volumes.map((volume) => volume.name);
  for (const [i, each] of volumeNames.entries()) {
    if (!DNS_LABEL.test(each)) found.push(`spec.volumes[${i}].name: Invalid value: "${each}"`);
    if (volumeNames.indexOf(each) !== i) found.push(`spec.volumes[${i}].name: Duplicate value: "${each}"`);
  }
  for (const container of [...containers, ...initContainers]) found.push(...containerProblems(container, volumeNames));
  return found;
};

const containerProblems = (container: PodContainer, volumes: readonly string[]): readonly string[] => {
  const found: string[] = [];
  const at = `spec.containers[${container.name}]`;
  if (!container.image || container.image.trim() !== container.image) found.push(`${at}.image: Required value`);
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (!/^[ -<>-~]+$/.test(name)) found.push(`${at}.env: Invalid value: "${name}"`);
    if (value !== undefined && value !== '' && valueFrom !== undefined)
      found.push(`${at}.env[${name}].valueFrom: Invalid value: may not be specified when \`value\` is not empty`);
  }
  const paths = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);
  for (const { name, mountPath, subPath } of container.volumeMounts ?? []) {
    if (!volumes.includes(name)) found.push(`${at}.volumeMounts[${name}]: Not found: "${name}"`);
    if (paths.filter((path) => path === mountPath).length > 1)
      found.push(`${at}.volumeMounts: Invalid value: "${mountPath}": must be unique`);
    if (subPath?.startsWith('/') || subPath?.includes('..'))
      found.push(`${at}.volumeMounts[${name}].subPath: Invalid value`);
  }
  const { requests = {}, limits = {} } = container.resources ?? {};
  for (const [name, value] of [...Object.entries(requests), ...Object.entries(limits)])
    if (!QUANTITY.test(String(value))) found.push(`${at}.resources: Invalid value: ${name}=${value}`);
  return found;
};

/** @returns why the `restricted` level of pod security refuses it */
export const insecureParts = (pod: FakePod): readonly string[] => {
  const found: string[] = [];
  const { securityContext = {}, containers = [], hostNetwork, hostPID, volumes = [] } = pod.spec;
  if (hostNetwork || hostPID) found.push('host namespaces');
  if (volumes.some((volume) => 'hostPath' in volume)) found.push('restricted volume types');
  if (securityContext.seccompProfile?.type !== 'RuntimeDefault') found.push('seccompProfile (pod or containers)');
  if (securityContext.runAsNonRoot !== true) found.push('runAsNonRoot != true');
  if (securityContext.runAsUser === 0) found.push('runAsUser=0');
  for (const { name, securityContext: own = {} } of containers) {
    if (own.allowPrivilegeEscalation !== false) found.push(`allowPrivilegeEscalation != false (container "${name}")`);
    if (!own.capabilities?.drop?.includes('ALL')) found.push(`unrestricted capabilities (container "${name}")`);
    if (own.privileged === true) found.push(`privileged (container "${name}")`);
  }
  return found;
};
