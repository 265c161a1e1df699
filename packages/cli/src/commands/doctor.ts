/** `flame doctor`: finds what would keep calls from working, before they do. Exit code 1 when something would. */
import { styleText } from 'node:util';
import { Command } from 'commander';
import { loadApp } from '../load-app.ts';
import { diagnose, type Diagnosis } from '../doctor/diagnose.ts';

const MARKS = { ok: styleText('green', 'ok  '), warn: styleText('yellow', 'warn'), fail: styleText('red', 'FAIL') } as const;

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('check the config, Redis, the function modules and the backends')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { json?: boolean }, command: Command) => {
      const findings = await diagnose(() => loadApp(command));
      if (options.json === true) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else for (const finding of findings) print(finding);
      if (findings.some((f) => f.level === 'fail')) process.exitCode = 1;
    });

const print = ({ level, check, message, advice }: Diagnosis): void => {
  process.stdout.write(`${MARKS[level]}  ${check}: ${message}\n`);
  if (advice !== undefined) process.stdout.write(`      ${styleText('dim', advice)}\n`);
};
