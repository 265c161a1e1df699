// What is mutated and by which tests it is judged: quick ones that run inside of one process, without a server.

const queueUnits = ['config', 'payload', 'call-options', 'fn', 'redis-options', 'load-config', 'secret', 'closures'];

/** Each area: the sources that are mutated, and the tests that must notice. Patterns are relative to the repository. */
export const areas = [
  {
    name: 'codec',
    mutate: ['packages/protocol/src/codec/**/*.ts'],
    tests: ['packages/protocol/test/codec/*.test.ts'],
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
    name: 'plan',
    mutate: ['packages/autoscaler/src/plan/*.ts', 'packages/autoscaler/src/record/*.ts'],
    tests: ['packages/autoscaler/test/{advance,plan,guards,release,orders,policies}.test.ts'],
  },
  {
    name: 'policies',
    mutate: ['packages/autoscaler/src/policies/*.ts'],
    tests: ['packages/autoscaler/test/{policies,policy-details}.test.ts'],
  },
  {
    name: 'compiler',
    mutate: ['packages/compiler/src/*.ts', 'packages/compiler/src/scope/*.ts'],
    tests: ['packages/compiler/test/{captures,compile,emit,hash,identity,names,reach,recognise,rules,values}.test.ts'],
  },
];
