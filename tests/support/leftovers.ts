/** Global setup of both projects: a run that leaves a process behind fails, and names it. */
import { randomUUID } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { type FoundProcess, markerName, processesMarked } from './marked.ts';
import { waitFor } from './wait-for.ts';

declare module 'vitest' {
  interface ProvidedContext {
    testRun: string;
  }
}

export default function setup(project: TestProject): () => Promise<void> {
  const testRun = randomUUID();
  project.provide('testRun', testRun);
  return async () => {
    const left = () => processesMarked(markerName, testRun);
    const allEnd = waitFor(() => left().length === 0, { what: 'the processes of the tests to end', everyMs: 100 });
    await allEnd.catch(() => report(project.name, left()));
    for (const { pid } of left()) kill(pid);
  };
}

// Vitest prints an error of a teardown and still exits with 0.
const report = (projectName: string, left: readonly FoundProcess[]): void => {
  const names = left.map(({ pid, command }) => `  ${pid} ${command}`).join('\n');
  process.stderr.write(`\nFAILED: the ${projectName} tests left processes behind:\n${names}\n`);
  process.exitCode = 1;
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
};
