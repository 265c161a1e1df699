/** Depth-first work without recursion: what a task plans is done right after it, in order, before everything that waits. */

type Task = () => void;

export interface Agenda {
  /** Plans a task. Called from within one: it comes after what that task has planned already. */
  later(task: Task): void;
  /** Returns when nothing is left to do. */
  run(): void;
}

export function createAgenda(): Agenda {
  const waiting: Task[] = [];
  let planned: Task[] = [];
  const takeOver = (): void => {
    for (let n = planned.length - 1; n >= 0; n--) waiting.push(planned[n] as Task);
    planned = [];
  };
  return {
    later(task) {
      planned.push(task);
    },
    run() {
      takeOver();
      for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
        task();
        takeOver();
      }
    },
  };
}
