/** What a computation costs, whatever else the machine does meanwhile: time of the processor, not of the clock. */

/** @returns a function that says how many milliseconds of processor time this process has used since. */
export const processorTime = (): (() => number) => {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
};
