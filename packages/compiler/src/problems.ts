/** Everything the compiler has to say about a capture: one line each, with its code. Errors stop the build, warnings do not. */
import type { Node } from 'oxc-parser';

export type Severity = 'error' | 'warning';

export interface Problem {
  /** `FLAME101` … : stable, explained in docs/closures.md. */
  readonly code: string;
  readonly severity: Severity;
  /** Offsets in the source, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly message: string;
  /** What to write instead. */
  readonly help: string | undefined;
}

export type Report = (problem: Problem) => void;

const problem =
  (severity: Severity, code: string) =>
  (node: Node, message: string, help?: string): Problem => ({
    code,
    severity,
    start: node.start,
    end: node.end,
    message,
    help,
  });
const error = (code: string) => problem('error', code);
const warning = (code: string) => problem('warning', code);

const ELSEWHERE = 'a function that runs on another machine';
const copyFirst = 'copy what you need into a local first: `const { width } = this;` and use `width`';

export const assignsCaptured = (node: Node, name: string): Problem =>
  error('FLAME101')(
    node,
    `assignment to captured variable \`${name}\` would be lost: the function runs on another machine with a copy`,
    'return the new value and assign it after `await`',
  );

export const capturesThis = (node: Node, arrow: boolean): Problem =>
  error('FLAME102')(
    node,
    arrow ? `\`this\` is captured by ${ELSEWHERE}` : `\`this\` has no value in ${ELSEWHERE}`,
    copyFirst,
  );

export const capturesSuper = (node: Node): Problem =>
  error('FLAME103')(node, `\`super\` cannot be used in ${ELSEWHERE}`, 'call it before, and capture what it returned');

export const capturesArguments = (node: Node): Problem =>
  error('FLAME104')(
    node,
    '`arguments` of the enclosing function is captured',
    'use a rest parameter: `(...args) => { … }` and capture `args`',
  );

export const isGenerator = (node: Node): Problem =>
  error('FLAME105')(node, 'a generator function cannot be called on another machine', 'return the values as an array');

export const capturesDeclaration = (node: Node, kind: string, name: string): Problem =>
  error('FLAME106')(
    node,
    `captures the local ${kind} \`${name}\`, and only data can be shipped`,
    `move \`${name}\` to module level: what stands there is loaded on the other machine, not captured`,
  );

export const namesReplacedClass = (node: Node, name: string): Problem =>
  error('FLAME106')(
    node,
    `\`${name}\` is the class itself here, and the module gives its own \`${name}\` another value, so the other machine cannot find the class by name`,
    `do not assign to \`${name}\`, or give the variable another name than the class`,
  );

export const passesLocalFunction = (node: Node, name: string, where: string, method: string): Problem =>
  error('FLAME107')(
    node,
    `\`${name}\` is a function local to ${where}; the other machine cannot find it by name`,
    `write it inline in \`flame.${method}(…)\`, or move it to module level`,
  );

export const usesPrivateName = (node: Node, name: string): Problem =>
  error('FLAME108')(
    node,
    `private name \`#${name}\` belongs to a class outside this function`,
    'read it into a local first, or add a public accessor',
  );

export const usesNewTarget = (node: Node): Problem =>
  error('FLAME109')(node, `\`new.target\` cannot be used in ${ELSEWHERE}`, 'read it into a local first');

export const usesEval = (node: Node): Problem =>
  error('FLAME110')(
    node,
    'direct `eval` hides which variables are captured',
    'parse the data instead, or move the code to a module of its own',
  );

export const evalsAround = (node: Node, name: string): Problem =>
  error('FLAME110')(
    node,
    `a direct \`eval\` around this call may declare \`${name}\`, and then it would have to be captured`,
    "put `'use strict'` at the top of the file, or call `eval` in a function of its own",
  );

export const usesWith = (node: Node): Problem =>
  error('FLAME110')(node, '`with` hides which variables are captured', 'name the properties: `const { a } = object`');

export const capturesProto = (node: Node): Problem =>
  error('FLAME111')(node, 'a captured variable may not be named `__proto__`', 'rename it');

export const capturesResource = (node: Node, name: string): Problem =>
  error('FLAME112')(
    node,
    `captures \`${name}\`, a \`using\` resource that belongs to this machine`,
    'open the resource inside the function, or capture the data that you read from it',
  );

export const capturesSymbol = (node: Node, name: string): Problem =>
  error('FLAME113')(
    node,
    `captures the symbol \`${name}\`, and a symbol means nothing on another machine`,
    `move \`${name}\` to module level`,
  );

export const capturesUnfinished = (node: Node, name: string): Problem =>
  error('FLAME114')(
    node,
    `captures \`${name}\` while its own initialiser is still running, so there is no value to ship`,
    'declare the value first, and make the call in a second statement',
  );

export const fnCaptures = (node: Node, name: string): Problem =>
  error('FLAME115')(
    node,
    `captures \`${name}\`, and a function made by \`flame.fn\` takes nothing with it: its calls ship arguments only`,
    `make \`${name}\` a parameter, or write the function inline in \`flame.call(…)\``,
  );

export const namesOtherBlock = (node: Node, name: string): Problem =>
  error('FLAME116')(
    node,
    `\`${name}\` belongs to another block of this namespace or enum, which not every TypeScript compiler sees from here`,
    `name the whole path, as in \`Space.${name}\``,
  );

export const assignsModuleState = (node: Node, name: string): Problem =>
  warning('FLAME201')(
    node,
    `\`${name}\` is module state: this assignment changes the copy on the other machine only`,
    'return the new value instead',
  );

export const readsModuleState = (node: Node, name: string): Problem =>
  warning('FLAME202')(
    node,
    `\`${name}\` is module state that changes at run time: the other machine reads its own, as loading the module leaves it`,
    `copy it into a local first: \`const ${name}Now = ${name};\``,
  );

export const mutatesCaptured = (node: Node, name: string): Problem =>
  warning('FLAME203')(
    node,
    `changes captured \`${name}\` in place: the change stays on the other machine`,
    'return the new value',
  );

export const outsideRoot = (node: Node): Problem =>
  warning('FLAME204')(
    node,
    'this file is outside the application root, so runners would not load it: the function is left as it is and refused when called',
    'set FLAME_ROOT (or the plugin option `root`) to a folder that holds every file with flame calls',
  );

export const standsInEntry = (node: Node): Problem =>
  warning('FLAME205')(
    node,
    'this flame call stands in the entry file: runners import the file to find the function, and so run the rest of it, too',
    'move the function to a module of its own, or guard what starts the app with `if (!flame.isRunner)`',
  );
