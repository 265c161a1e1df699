/** Bull Board takes its base for a path from the root. Which one that is only the browser knows, when a proxy has a prefix. */
const base = document.querySelector('base');
base.setAttribute('href', new URL(base.getAttribute('href'), location.href).pathname);
