/** Numbers and times for people. */

export const count = (value) => value.toLocaleString('en-US');

export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** @param ms a duration */
export const duration = (ms) => {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
};

export const ago = (at, now) => {
  const past = now - at;
  return past < 1_000 ? 'just now' : `${duration(past)} ago`;
};

export const clock = (at) => new Date(at).toLocaleTimeString('en-GB', { hour12: false });

export const moment = (at) => (at > 0 ? new Date(at).toLocaleString('en-GB', { hour12: false }) : '–');

export const bytes = (size) => {
  if (size < 1_024) return `${count(size)} bytes`;
  const kilo = size / 1_024;
  return kilo < 1_024 ? `${kilo.toFixed(kilo < 10 ? 1 : 0)} KB` : `${(kilo / 1_024).toFixed(1)} MB`;
};
