/**
 * A sabotage switch removes one behaviour from the product, and the tests of that behaviour must turn red. A test that
 * stays green without what it tests proves nothing. `npm run sabotage [words]` throws each switch on a copy of the code.
 *
 * Switches stand in `tests/sabotage/*.switches.ts`, each file the default export of a list:
 *
 *     export default [
 *       {
 *         name: 'the terminator does not kill',
 *         file: 'packages/runner/src/terminator.ts',
 *         find: "executor.kill('SIGKILL');",
 *         replace: '',
 *         tests: ['F08', 'G4'],
 *         in: ['tests/deadline.test.ts'],
 *       },
 *     ] satisfies SabotageSwitch[];
 */
export interface SabotageSwitch {
  /** The behaviour that is gone, in the words of the table that is printed. Unique. */
  readonly name: string;
  /** The source file that is changed, from the repository's root. Its package is built again. */
  readonly file: string;
  /** Text that must occur exactly once in the file; when it does not, the switch is out of date and counts as failed. */
  readonly find: string;
  /** What stands there instead. */
  readonly replace: string;
  /** Parts of test titles (row ids). For each of them at least one test must have run and failed. */
  readonly tests: readonly string[];
  /** Test files or folders to look in, from the root; all files unless set, which is slower. */
  readonly in?: readonly string[];
}
