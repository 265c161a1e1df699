// A plugin of Stryker: sentences for people are not changed. A test that pins their words would only repeat them.

const isProse = (text) => /\s\S*[a-zA-Z]{2}/.test(text);

const textsOf = (node) => {
  if (node.type === 'StringLiteral') return [node.value];
  return node.type === 'TemplateLiteral' ? node.quasis.map(({ value }) => value.raw) : [];
};

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'prose',
    value: { shouldIgnore: ({ node }) => (textsOf(node).some(isProse) ? 'a sentence for people' : undefined) },
  },
];
