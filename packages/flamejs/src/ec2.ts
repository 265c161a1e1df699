/** Runners as EC2 instances. Needs `@aws-sdk/client-ec2`. */
export * from '@flamejs/autoscaler/ec2';
