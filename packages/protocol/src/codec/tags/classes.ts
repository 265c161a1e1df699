/** Instances of classes that both sides registered. */
import { field, textField } from '../fields.ts';
import { badPayload } from '../refusal.ts';
import { classNamed, type RegisteredClass } from '../registry.ts';
import type { Node, TreeTag } from '../types.ts';

const CLASS = 'Class';

/** The way of one class onto the wire; all share one way back. */
export const writeInstance = (entry: RegisteredClass): TreeTag['write'] =>
  function* (value, encoder) {
    const node: Node = { $: CLASS, c: entry.name };
    const data = entry.to(value);
    encoder.close(value);
    node.v = encoder.put(data, { of: 'member', at: 0 }) ?? (yield);
    encoder.reopen(value);
    return node;
  };

export const readInstance: TreeTag['read'] = function* (node, decoder) {
  const name = textField(node, 'c');
  const entry = classNamed(name);
  if (entry === undefined) {
    throw badPayload(
      `class ${JSON.stringify(name.slice(0, 80))} is not registered here; call registerClass in a module that both sides load`,
    );
  }
  const fill = decoder.reserve();
  const data = decoder.value(field(node, 'v') ?? null) ?? (yield);
  const instance = entry.from(data);
  if (typeof instance !== 'object' || instance === null) throw badPayload(`from() of class ${name} made no object`);
  fill(instance);
  return instance;
};
