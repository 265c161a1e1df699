/** Why a Redis that can be reached is none that can be used, in words that say what to do. */

const BY_CODE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'nobody but itself has signed it',
  SELF_SIGNED_CERT_IN_CHAIN: 'it is signed by an authority that this machine does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is signed by an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'it is signed by an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is signed by an authority that this machine does not know',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it has been revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
};

/** @returns `undefined` for errors that may pass by themselves */
export const explainRefusal = (error: Error): string | undefined => {
  const certificate = BY_CODE[(error as NodeJS.ErrnoException).code ?? ''];
  if (certificate !== undefined) {
    return `the certificate of this Redis cannot be trusted: ${certificate} (${error.message}); give the authority's certificate as \`redis: { …, tls: { ca } }\` or in NODE_EXTRA_CA_CERTS`;
  }
  if (/^WRONGPASS\b/.test(error.message)) return `Redis does not accept the user or the password (${error.message})`;
  if (/^NOAUTH\b/.test(error.message)) return `Redis asks for a password, and none is configured (${error.message})`;
  return undefined;
};
