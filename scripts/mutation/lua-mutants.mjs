// Changes of Lua text: a line is dropped, a comparison turned, a condition negated, a constant is another. Pure.

/**
 * @param text a `.lua` file, or a module with Lua in its template literals
 * @returns the changes, in order: `line`, the text `find` at offset `at`, and what it becomes
 */
export function luaMutants(text, { isModule }) {
  const mutants = [];
  let at = 0;
  let isLua = !isModule;
  for (const [index, line] of text.split('\n').entries()) {
    const first = isModule ? line.indexOf('`') : -1;
    const code = bare(isModule && !isLua && first >= 0 ? blank(line, first + 1) : line);
    if ((isLua || first >= 0) && !code.includes('`') && !code.includes('${')) {
      for (const { from, find, replace } of [...dropped(code, line), ...changed(code)]) {
        mutants.push({ line: index + 1, at: at + from, find, replace });
      }
    }
    // Each backtick that is no part of a comment opens or closes a template.
    if (isModule && count(line, '`') % 2 === 1) isLua = !isLua;
    at += line.length + 1;
  }
  return mutants;
}

export const applied = (text, { at, find, replace }) => text.slice(0, at) + replace + text.slice(at + find.length);

/** The line with its comment blanked, and each text in quotes too, so that what is found is code, at its place. */
function bare(line) {
  const withoutTexts = line.replace(/'(?:[^'\\]|\\.)*'/g, (text) =>
    /^'[01]'$/.test(text) ? text : `'${'_'.repeat(text.length - 2)}'`,
  );
  const comment = withoutTexts.search(/--/);
  return comment === -1 ? withoutTexts : blank(withoutTexts, withoutTexts.length, comment);
}

const blank = (line, until, from = 0) => line.slice(0, from) + ' '.repeat(until - from) + line.slice(until);
const count = (text, sign) => text.split(sign).length - 1;

/** A statement that stands alone on its line. Declarations stay: without one, the next line would fail at once. */
function dropped(code, line) {
  const statement = code.trim();
  if (/^local\b|\b(?:do|then|function)$/.test(statement)) return [];
  const isCall = /^(?:rc|pcall|redis\.p?call|flame\.\w+|[a-z]\w*)\(.*\)$/.test(statement);
  const isAssignment = /^[a-zA-Z_][\w.[\], #+]*=[^=].*[^,({=]$/.test(statement);
  const isBranch = /^if .* then .* end$/.test(statement);
  const isReturn = /^return\b.*[^,({]$/.test(statement);
  if (!(isCall || isAssignment || isBranch || isReturn) || !isBalanced(statement)) return [];
  const from = line.indexOf(line.trim());
  return [{ from, find: line.trimEnd().slice(from), replace: '' }];
}

const isBalanced = (code) =>
  ['()', '{}', '[]'].every(([open, close]) => count(code, open) === count(code, close)) &&
  !/\b(?:and|or|\.\.)$/.test(code);

const COMPARISONS = { '==': '~=', '~=': '==', '<=': '<', '>=': '>', '<': '<=', '>': '>=' };
const WORDS = { and: 'or', or: 'and', true: 'false', false: 'true', "'0'": "'1'", "'1'": "'0'" };

/** Times and sizes that are off by one harm nobody; such as are next to nothing must. */
const nextTo = (number) => String(number < 10 ? number + 1 : 1);

function changed(code) {
  const found = [];
  const add = (match, replace) => found.push({ from: match.index, find: match[0], replace });
  for (const match of code.matchAll(/[=~<>]=|[<>]/g)) add(match, COMPARISONS[match[0]]);
  for (const match of code.matchAll(/\b(?:and|or|true|false)\b|'[01]'/g)) add(match, WORDS[match[0]]);
  for (const match of code.matchAll(/\bnot /g)) add(match, '');
  // Not those in brackets: another argument or field is noticed by anything that runs.
  for (const match of code.matchAll(/(?<![\w.['])\d+(?![\w.\]'])/g)) add(match, nextTo(Number(match[0])));
  return found;
}
