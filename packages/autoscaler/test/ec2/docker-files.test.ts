/** What docker/ec2/ says must be what the backend does. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Ec2Options } from '../../src/backends/ec2/index.ts';
import { parseOptions } from '../../src/backends/ec2/parse-options.ts';
import { renderUserData, userDataSpec } from '../../src/backends/ec2/user-data.ts';
import { never, request, setup } from './support.ts';

const folder = new URL('../../../../docker/ec2/', import.meta.url);

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
const policy = async (name: string): Promise<readonly Statement[]> => {
  const { Statement } = JSON.parse(await readFile(new URL(name, folder), 'utf8')) as {
    Statement: readonly Statement[];
  };
  return Statement;
};
const actions = (statements: readonly Statement[]): readonly string[] =>
  [...new Set(statements.flatMap(({ Action }) => Action))].sort();

test('the controller policy allows what the backend asks for, and nothing more', async () => {
  const { cloud, backend } = await setup({}, { spot: 'prefer', instanceTypes: ['c7g.large', 'c6g.large'] });
  await backend.check?.(never);
  const { id } = await backend.launch(request(), never);
  await backend.list('shop', never);
  await backend.terminate([id], never);
  const used = new Set(cloud.audit.entries.map(({ action }) => `ec2:${action}`));
  // RunInstances with tags and an instance profile needs these two as well.
  expect(actions(await policy('controller-policy.json'))).toEqual([...used, 'ec2:CreateTags', 'iam:PassRole'].sort());
});

test('S-13 the controller policy itself refuses machines without IMDSv2, and touches only the tagged ones', async () => {
  const statements = await policy('controller-policy.json');
  const of = (sid: string): Statement | undefined => statements.find(({ Sid }) => Sid === sid);
  expect(of('LaunchInstancesOfThisAppOnly')?.Condition).toMatchObject({
    StringEquals: { 'ec2:MetadataHttpTokens': 'required', 'aws:RequestTag/flame:app': 'APP' },
    NumericEquals: { 'ec2:MetadataHttpPutResponseHopLimit': '1' },
  });
  expect(of('EndInstancesOfThisAppOnly')?.Condition).toEqual({ StringEquals: { 'aws:ResourceTag/flame:app': 'APP' } });
  for (const { Action, Resource } of statements) {
    if (Resource === '*') expect(Action).toBe('ec2:DescribeInstances');
  }
});

test('the instance policy allows what the boot script asks for, and nothing more', async () => {
  const scripts = (
    await Promise.all(Object.keys(EXAMPLES).map((name) => readFile(new URL(name, folder), 'utf8')))
  ).join('\n');
  const needed: [string, readonly string[]][] = [
    ['aws ssm get-parameter', ['ssm:GetParameter', 'kms:Decrypt']],
    ['aws secretsmanager get-secret-value', ['secretsmanager:GetSecretValue', 'kms:Decrypt']],
    ['aws ecr get-login-password', ['ecr:GetAuthorizationToken']],
    ['docker pull', ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']],
    ['aws s3 cp', ['s3:GetObject']],
  ];
  for (const [command] of needed) expect(scripts).toContain(command);
  expect(new Set(scripts.match(/\baws (ssm|secretsmanager|ecr|s3|\w+) [a-z-]+/g))).toHaveLength(4);
  expect(actions(await policy('instance-policy.json'))).toEqual(
    [...new Set(needed.flatMap(([, allowed]) => allowed))].sort(),
  );
});

const base: Ec2Options = {
  region: 'eu-central-1',
  instanceTypes: ['c7g.large'],
  subnets: ['subnet-0123456789abcdef0'],
  ami: 'ami-0123456789abcdef0',
  spot: 'prefer',
  iamInstanceProfile: 'flame-runner',
  application: { image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:42' },
  secrets: { redisUrl: { ssm: '/shop/redis-url' }, signingKey: { secretsManager: 'shop/signing-key' } },
};
const EXAMPLES: Readonly<Record<string, Ec2Options>> = {
  'user-data.image.sh': base,
  'user-data.archive.sh': { ...base, application: { archive: 's3://shop-releases/42.tar.gz' } },
};

test.each(Object.keys(EXAMPLES))('%s is what the backend sends', async (name) => {
  const launch = request({
    env: {
      FLAME_APP: 'shop',
      FLAME_CONFIG: '/srv/shop/flame.config.js',
      FLAME_POOL: 'images',
      FLAME_RELEASE: '42',
      FLAME_RUNNER_ID: 'images-abcdef-0000000000aa',
    },
    secrets: { FLAME_REDIS_URL: 'x', FLAME_SIGNING_KEY: 'y' },
  });
  const script = renderUserData(userDataSpec(launch, parseOptions(EXAMPLES[name] ?? base), 'spot'));
  if (process.env.UPDATE_EXAMPLES === '1') await writeFile(new URL(name, folder), script);
  expect(script).toBe(await readFile(new URL(name, folder), 'utf8'));
});
