/** Asks again and again while somebody looks, and says when the answers stop. */

const badge = document.getElementById('live');

/**
 * Runs `load` now and then `everyMs` after each answer; hidden tabs rest. @returns a function that asks at once
 */
export const poll = (load, everyMs) => {
  let timer;
  let running = false;
  const step = async () => {
    clearTimeout(timer);
    if (running) return;
    running = true;
    try {
      if (!document.hidden) await load();
      say('live', false);
    } catch (error) {
      say(error.message, true);
    } finally {
      running = false;
      timer = setTimeout(step, everyMs);
    }
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) step();
  });
  step();
  return step;
};

const say = (text, down) => {
  if (badge.textContent !== text) badge.textContent = text;
  badge.classList.toggle('down', down);
};
