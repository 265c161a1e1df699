/** Runners in pods of a Kubernetes cluster. Needs `@kubernetes/client-node`. See docs/backends/kubernetes.md. */
import type { Backend } from '@flamejs/queue';
import { createBackend } from './backend.ts';
import { createClient } from './client.ts';
import type { KubernetesOptions } from './options.ts';
import { parseOptions } from './parse-options.ts';
import { realTime } from './time.ts';

export type { KubernetesOptions, PodTemplate, SecretKey } from './options.ts';

/**
 * @returns a backend for the pods of one namespace. Nothing is loaded or sent before its first use.
 * @throws FlameConfigError that lists every problem of the options.
 */
export const kubernetes = (options: KubernetesOptions = {}): Backend => {
  const settings = parseOptions(options);
  return createBackend(settings, createClient(settings), realTime, process.env);
};
