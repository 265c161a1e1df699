/** The JSON API, below whatever path the dashboard stands at. */

const { root, operator } = document.documentElement.dataset;

/** Where the dashboard stands for this browser, without the last slash: a proxy may have a prefix that the server never sees. */
export const base = new URL(root, location.href).pathname.replace(/\/$/, '');

/** Whether buttons are drawn; the server decides by itself. */
export const isOperator = operator === 'true';

export const link = (...parts) => `${base}/${parts.map(encodeURIComponent).join('/')}`;

/** @throws Error with the server's message */
export const get = async (path, signal) =>
  read(await fetch(`${base}/api/${path}`, { signal, headers: { Accept: 'application/json' } }));

export const post = async (path, body = {}) =>
  read(
    await fetch(`${base}/api/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );

const read = async (response) => {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const error = new Error(body.error?.message ?? `the dashboard answered ${response.status}`);
  error.status = response.status;
  throw error;
};
