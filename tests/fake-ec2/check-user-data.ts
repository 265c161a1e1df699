import { Ec2Fault, invalidValue } from './fault.ts';

const MAX_BYTES = 16_384;

/** @returns the decoded user-data. @throws Ec2Fault when it is not base64, or longer than 16 KB decoded. */
export const checkUserData = (encoded: string | undefined): string => {
  if (encoded === undefined) return '';
  const compact = encoded.replace(/\s/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw new Ec2Fault('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data');
  }
  const decoded = Buffer.from(compact, 'base64');
  if (decoded.length > MAX_BYTES) throw invalidValue(`User data is limited to ${MAX_BYTES} bytes`);
  return decoded.toString('utf8');
};
