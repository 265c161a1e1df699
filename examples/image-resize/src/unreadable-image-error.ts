import { NonRetryableError, registerError } from 'flamejs';

/** The bytes are no image that can be decoded. A second attempt would find the same bytes, so none is made. */
export class UnreadableImageError extends NonRetryableError {
  readonly byteLength: number;

  constructor(byteLength: number, cause: unknown) {
    const [why] = String(cause instanceof Error ? cause.message : cause).split('\n'); // libvips adds a line per symptom
    super(`${byteLength} bytes are not a readable image: ${why}`, { cause });
    this.name = 'UnreadableImageError';
    this.byteLength = byteLength;
  }
}

// Lets it arrive at the caller as an instance of its class, whatever machine it was thrown on.
registerError(UnreadableImageError, 'UnreadableImageError');
