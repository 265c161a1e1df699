import { IMAGE } from '../by-release.ts';
import type { Ec2Options, Ec2Settings } from './options.ts';
import { match, type Report } from './parse-options.ts';

export const ARCHIVE = /^s3:\/\/[a-z0-9.-]+\/\S+$/;

const COMMAND = ['node_modules/.bin/flame', 'runner'] as const;

/** @returns the application with defaults; problems are reported. */
export const parseApplication = (
  application: Ec2Options['application'],
  report: Report,
): Ec2Settings['application'] => {
  if (typeof application !== 'object' || application === null || 'image' in application === 'archive' in application) {
    report('application', "expected { image: 'registry/name:tag' } or { archive: 's3://bucket/key.tar.gz' }");
    return { image: '', command: COMMAND, config: undefined, user: '', runArguments: [] };
  }
  const { command = COMMAND, config } = application;
  if (command.length === 0) report('application.command', 'needs at least one word');
  if ('image' in application) {
    const { image, user = '1000:1000', runArguments = [] } = application;
    if (typeof image !== 'function') match(image, IMAGE, 'application.image', 'an image reference', report);
    match(user, /^\d+:\d+$/, 'application.user', "numbers such as '1000:1000'", report);
    // Root in a container that reads user code is root on the machine one mistake later.
    if (user.startsWith('0:')) report('application.user', 'must not be root');
    return { image, command, config, user, runArguments };
  }
  const { archive, sha256 } = application;
  if (typeof archive !== 'function') match(archive, ARCHIVE, 'application.archive', 's3://bucket/key.tar.gz', report);
  else if (sha256 !== undefined) report('application.sha256', 'is of one archive: not with a function of the release');
  if (sha256 !== undefined) match(sha256, /^[0-9a-f]{64}$/, 'application.sha256', '64 hex digits', report);
  return { archive, sha256, command, config };
};
