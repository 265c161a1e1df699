/** An answer that refuses: what EC2 calls an error, with its code and HTTP status. */
export class Ec2Fault extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalidValue = (message: string): Ec2Fault => new Ec2Fault('InvalidParameterValue', message);
export const invalidCombination = (message: string): Ec2Fault => new Ec2Fault('InvalidParameterCombination', message);
export const missing = (name: string): Ec2Fault =>
  new Ec2Fault('MissingParameter', `The request must contain the parameter ${name}`);
