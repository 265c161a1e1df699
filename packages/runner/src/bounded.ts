/** Waits for something that should end by itself, but not for ever: what fails or hangs is left behind. */
export const bounded = async (work: Promise<unknown> | undefined, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work?.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
};
