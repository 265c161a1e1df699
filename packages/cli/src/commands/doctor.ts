/** `flame doctor`: finds what would keep calls from working, before they do. Exit code 1 when something would. */
import { Command } from 'commander';
import type { Diagnosis } from '../doctor/diagnose.ts';
import { loadApp } from '../load-app.ts';
import { oneLine } from '../output/plain-text.ts';
import { say, sayJson } from '../output/print.ts';
import { paint } from '../output/style.ts';

const MARKS = { ok: paint('green', 'ok  '), warn: paint('yellow', 'warn'), fail: paint('red', 'FAIL') } as const;

export const doctorCommand = (): Command =>
  new Command('doctor')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { diagnose } = await import('../doctor/diagnose.ts');
      const findings = await diagnose(() => loadApp(command));
      if (options.json === true) sayJson(findings);
      else for (const finding of findings) print(finding);
      if (findings.some((f) => f.level === 'fail')) process.exitCode = 1;
    });

const print = ({ level, check, message, advice }: Diagnosis): void => {
  say(`${MARKS[level]}  ${check}: ${oneLine(message)}`);
  if (advice !== undefined) say(`      ${paint('dim', advice)}`);
};
