/**
 * Links from where a page stands, and never from the root of the host: a proxy may put a prefix before all paths and take it away
 * again, and then only the browser knows the whole of them.
 */

/** @param path below the dashboard's own root, with its leading slash @returns from there to that root: `./`, `../` */
export const rootFrom = (path: string): string => '../'.repeat(path.split('/').length - 2) || './';
