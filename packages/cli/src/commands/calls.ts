/** `flame calls`: find them, look into one, run it again, stop it. */
import { Command } from 'commander';
import { addCancel, addRetry } from './calls-act.ts';
import { addExport } from './calls-export.ts';
import { addList } from './calls-list.ts';
import { addLogs, addShow } from './calls-show.ts';

export const callsCommand = (): Command => {
  const calls = new Command('calls');
  addList(calls);
  addShow(calls);
  addRetry(calls);
  addCancel(calls);
  addLogs(calls);
  addExport(calls);
  return calls;
};
