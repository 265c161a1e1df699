/** Elements from texts. Nothing here parses markup, so whatever a call contains stays a text. */

/** @param attributes `class`, `href`, …; `on…` are handlers; false and undefined are left out */
export const h = (name, attributes = {}, ...children) => build(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

const build = (element, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (key.startsWith('on')) element[key] = value;
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
};

const HANDLERS = ['onclick', 'onchange', 'onsubmit', 'oninput'];

/** Makes `old` look like `wanted` with as few changes as it takes, so that focus, selection and scrolling stay. */
export const patch = (old, wanted) => {
  if (old.nodeType !== wanted.nodeType || old.nodeName !== wanted.nodeName) {
    old.replaceWith(wanted);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  // It draws itself, and knows how to take new data.
  if (wanted.chart !== undefined) {
    old.chart = wanted.chart;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!wanted.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const name of HANDLERS) if (old[name] !== wanted[name]) old[name] = wanted[name];
  patchChildren(old, [...wanted.childNodes]);
};

/** @param wanted the new children */
export const patchChildren = (parent, wanted) => {
  const had = [...parent.childNodes];
  for (const [i, child] of wanted.entries()) {
    if (i < had.length) patch(had[i], child);
    else parent.append(child);
  }
  for (const child of had.slice(wanted.length)) child.remove();
};
