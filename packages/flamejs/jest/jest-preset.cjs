/** `preset: 'flamejs/jest'`: calls run inside of the tests, in ES modules and CommonJS, on every Node that Flame supports. */
const { join } = require('node:path');

const built = join(__dirname, '../dist/jest');
const PARTS = ['errors', 'local', 'docker', 'ec2', 'fly', 'policies', 'payload', 'testing'];

module.exports = {
  setupFiles: [join(built, 'inline.cjs')],
  moduleNameMapper: {
    '^flamejs$': join(built, 'index.cjs'),
    '^flamejs/testing/inline$': join(built, 'inline.cjs'),
    [`^flamejs/(${PARTS.join('|')})$`]: join(built, '$1.cjs'),
  },
};
