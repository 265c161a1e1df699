/**
 * EC2's Query protocol: `TagSpecification.1.Tag.2.Key=…` becomes nested parameters, and every name, type and enum is
 * checked against the model as the real service does.
 */
import { readFileSync } from 'node:fs';
import { Ec2Fault, invalidValue, missing } from './fault.ts';

export type Params = { readonly [name: string]: ParamValue };
export type ParamValue = string | number | boolean | readonly ParamValue[] | Params;

/** `'string'`, `'e:a|b'`, `[element]`, or `{ Name: shape, 'Required!': shape }`. */
type Shape = string | readonly [Shape] | { readonly [name: string]: Shape };
type Tree = { value?: string; children: Map<string, Tree> };

const MODEL = JSON.parse(readFileSync(new URL('./model.json', import.meta.url), 'utf8')) as Record<string, Shape>;
const API_VERSION = '2016-11-15';

/** @throws Ec2Fault as EC2 would: UnknownParameter, MissingParameter, InvalidParameterValue, InvalidAction. */
export const parseQuery = (body: string): { action: string; params: Params } => {
  const form = new URLSearchParams(body);
  const action = form.get('Action');
  if (action === null) throw new Ec2Fault('MissingAction', 'The request is missing an action or a required parameter.');
  const shape = MODEL[action];
  if (shape === undefined || form.get('Version') !== API_VERSION) {
    throw new Ec2Fault('InvalidAction', `The action ${action} is not valid for this web service.`);
  }
  const root: Tree = { children: new Map() };
  for (const [name, value] of form) {
    if (name === 'Action' || name === 'Version') continue;
    let node = root;
    for (const part of name.split('.')) {
      const child: Tree = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, child);
      node = child;
    }
    if (node.value !== undefined)
      throw new Ec2Fault('InvalidParameterCombination', `Parameter ${name} is given twice.`);
    node.value = value;
  }
  return { action, params: parseStructure(root, shape as { readonly [name: string]: Shape }, '') };
};

const parseStructure = (tree: Tree, shape: { readonly [name: string]: Shape }, path: string): Params => {
  const members = new Map(Object.entries(shape).map(([name, member]) => [name.replace('!', ''), member]));
  const out: Record<string, ParamValue> = {};
  for (const [name, child] of tree.children) {
    const member = members.get(name);
    if (member === undefined) {
      throw new Ec2Fault('UnknownParameter', `The parameter ${path}${name} is not recognized`);
    }
    out[name] = parseValue(child, member, `${path}${name}`);
  }
  for (const name of Object.keys(shape)) {
    if (name.endsWith('!') && !(name.slice(0, -1) in out)) throw missing(`${path}${name.slice(0, -1)}`);
  }
  return out;
};

const parseValue = (tree: Tree, shape: Shape, path: string): ParamValue => {
  if (Array.isArray(shape)) return parseList(tree, shape[0] as Shape, path);
  if (typeof shape === 'object') {
    if (tree.value !== undefined) throw new Ec2Fault('UnknownParameter', `The parameter ${path} is not recognized`);
    return parseStructure(tree, shape as { readonly [name: string]: Shape }, `${path}.`);
  }
  if (tree.children.size > 0) {
    const [child] = tree.children.keys();
    throw new Ec2Fault('UnknownParameter', `The parameter ${path}.${child} is not recognized`);
  }
  return parseScalar(tree.value ?? '', shape, path);
};

const parseList = (tree: Tree, element: Shape, path: string): readonly ParamValue[] => {
  const items: ParamValue[] = [];
  for (let index = 1; index <= tree.children.size; index++) {
    const child = tree.children.get(String(index));
    if (child === undefined) {
      throw new Ec2Fault('MalformedQueryString', `The list ${path} must be numbered from 1 without gaps.`);
    }
    items.push(parseValue(child, element, `${path}.${index}`));
  }
  if (items.length === 0) throw invalidValue(`Invalid value for ${path}: a list is expected.`);
  return items;
};

const parseScalar = (text: string, shape: string, path: string): string | number | boolean => {
  if (shape === 'boolean') {
    if (text !== 'true' && text !== 'false')
      throw invalidValue(`Invalid value '${text}' for ${path}: boolean expected.`);
    return text === 'true';
  }
  if (shape === 'integer') {
    if (!/^-?\d{1,10}$/.test(text)) throw invalidValue(`Invalid value '${text}' for ${path}: integer expected.`);
    return Number(text);
  }
  if (shape.startsWith('e:') && !shape.slice(2).split('|').includes(text)) {
    throw invalidValue(`Invalid value '${text}' for ${path}. Allowed: ${shape.slice(2).replaceAll('|', ', ')}.`);
  }
  return text;
};
