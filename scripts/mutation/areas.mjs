// What is changed and by which tests it is judged: quick ones that run inside of one process, without a server; for the Lua
// scripts, which only a Redis can run, those of the protocol.

const queueUnits = ['config', 'payload', 'call-options', 'fn', 'redis-options', 'load-config', 'secret', 'closures'];

/** On a Redis of their own, the quickest first. */
const storeTests = ['calls', 'history', 'parking', 'model'].map((name) => `packages/protocol/test/${name}.test.ts`);

/** Each area: the sources that are changed (`lua`: by our own mutator), and the tests that must notice. */
export const areas = [
  {
    name: 'codec',
    mutate: ['packages/protocol/src/codec/**/*.ts'],
    // Without the fuzzing of hostile bytes, which has a run of its own.
    tests: ['packages/protocol/test/codec/{frame,limits,refusals,registry,round-trip,thrown}.test.ts'],
  },
  {
    name: 'records',
    mutate: [
      'packages/protocol/src/{descent,envelope,history,expiry,expiry-error,explain,duration,call-id,function-id}.ts',
      'packages/protocol/src/{redact-text,runner-record,sound-job,parsed,stored,suggest,secret}.ts',
      'packages/protocol/src/errors/*.ts',
    ],
    tests: [
      'packages/protocol/test/{descent,duration,envelope,errors,expiry,explain,records,redact-text,waiting}.test.ts',
      'packages/compiler/test/{identity,names}.test.ts',
    ],
  },
  {
    name: 'payload',
    mutate: ['packages/protocol/src/payload/*.ts'],
    tests: ['packages/queue/test/{payload,secret}.test.ts'],
  },
  {
    name: 'config',
    mutate: ['packages/queue/src/config/*.ts', 'packages/queue/src/call-options.ts', 'packages/queue/src/backoff.ts'],
    tests: [`packages/queue/test/{${queueUnits.join(',')}}.test.ts`],
  },
  {
    name: 'caller',
    mutate: [
      'packages/queue/src/client/{abort-listeners,held-calls,kick,pending,presence}.ts',
      'packages/protocol/src/attempt/next-attempt.ts',
      'packages/queue/src/{ending,same-function}.ts',
    ],
    tests: ['packages/queue/test/client/{parts,table}.test.ts', 'packages/queue/test/{call-options,fn}.test.ts'],
  },
  {
    name: 'plan',
    mutate: ['packages/autoscaler/src/plan/*.ts', 'packages/autoscaler/src/record/*.ts'],
    tests: ['packages/autoscaler/test/{advance,plan,guards,release,orders,policies,runner-records}.test.ts'],
  },
  {
    name: 'policies',
    mutate: ['packages/autoscaler/src/policies/*.ts'],
    tests: ['packages/autoscaler/test/{policies,policy-details}.test.ts'],
  },
  {
    name: 'compiler',
    // What is left out is what only a process or a bundler can run: `lower`, `strip`, `register`.
    mutate: [
      'packages/compiler/src/scope/*.ts',
      'packages/compiler/src/{ast,captures,compile,emit,errors,frame,hash,identity,jobs,labels,language,lexical}.ts',
      'packages/compiler/src/{manifest,module-format,module-state,mutation,options,problems,project,recognise}.ts',
      'packages/compiler/src/{root,source-map,transform,tsconfig}.ts',
    ],
    tests: [
      'packages/compiler/test/{captures,compile,emit,hash,identity,names,reach,recognise,rules,settings,values}.test.ts',
    ],
  },
  {
    name: 'lua-moves',
    lua: ['packages/protocol/src/lua/*.lua', 'packages/protocol/src/lua/lib/*.lua'],
    tests: storeTests,
  },
  {
    name: 'lua-calls',
    lua: ['call-scripts', 'grafts', 'helpers'].map((name) => `packages/protocol/src/lua/${name}.ts`),
    tests: storeTests,
  },
];
