/** What the run looks like: on a terminal a bar that is redrawn below the events, elsewhere plain lines. */

export interface Display {
  /** A line that stays. */
  line(text: string): void;
  /** How far the work is. */
  progress(done: number, total: number, runners: number): void;
  /** Takes the bar away. */
  finish(): void;
}

export const createDisplay = (out: NodeJS.WriteStream = process.stdout): Display =>
  out.isTTY ? barDisplay(out) : plainDisplay(out);

const barDisplay = (out: NodeJS.WriteStream): Display => {
  let bar = '';
  const erase = (): void => {
    if (bar !== '') out.write('\r\x1b[2K');
  };
  return {
    line: (text) => {
      erase();
      out.write(`${text}\n${bar}`);
    },
    progress: (done, total, runners) => {
      erase();
      const width = Math.max(10, Math.min(40, out.columns - 40));
      const filled = Math.round((done / total) * width);
      bar = `  ${'█'.repeat(filled)}${'░'.repeat(width - filled)}  ${done}/${total}  ${describe(runners)}`;
      out.write(bar);
    },
    finish: () => {
      erase();
      bar = '';
    },
  };
};

const plainDisplay = (out: NodeJS.WriteStream): Display => {
  let shown = -1;
  return {
    line: (text) => void out.write(`${text}\n`),
    progress: (done, total, runners) => {
      const tenth = Math.floor((done / total) * 5);
      if (tenth === shown) return;
      shown = tenth;
      out.write(`  ${done}/${total} done, ${describe(runners)}\n`);
    },
    finish: () => {},
  };
};

const describe = (runners: number): string => `${runners} ${runners === 1 ? 'runner' : 'runners'}`;
