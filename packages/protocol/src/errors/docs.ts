/** Where errors are explained: the pages of docs/errors, which stand in the package `flamejs`, so also where it is installed. */

const PAGES = 'https://unpkg.com/flamejs/docs';

/** @returns the address of the page of an error code: what causes it, what to do, an example */
export const docsOf = (code: string): string => `${PAGES}/errors/${code}.md`;
