/** Instances of classes that both sides registered. */
import { field, textField } from '../fields.ts';
import { badPayload } from '../refusal.ts';
import { classNamed, type RegisteredClass } from '../registry.ts';
import type { Node, Tag } from '../types.ts';

const CLASS = 'Class';

/** The way of one class onto the wire; all share one way back. */
export const encodeInstance =
  (entry: RegisteredClass): Tag['encode'] =>
  (value, encoder) => {
    const node: Node = { $: CLASS, c: entry.name };
    const data = entry.to(value);
    encoder.closed(value, () => encoder.put(node, 'v', data, { of: 'member', at: 0 }));
    return node;
  };

export const decodeInstance: Tag['decode'] = (node, decoder) => {
  const name = textField(node, 'c');
  const entry = classNamed(name);
  if (entry === undefined) {
    throw badPayload(
      `class ${JSON.stringify(name.slice(0, 80))} is not registered here; call registerClass in a module that both sides load`,
    );
  }
  const fill = decoder.reserve();
  const data = decoder.value(field(node, 'v') ?? null);
  const instance = entry.from(data);
  if (typeof instance !== 'object' || instance === null) throw badPayload(`from() of class ${name} made no object`);
  fill(instance);
  return instance;
};
