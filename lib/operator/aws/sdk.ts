import type * as autoScaling from '@aws-sdk/client-auto-scaling';
import type * as cloudFormation from '@aws-sdk/client-cloudformation';
import type * as cloudWatch from '@aws-sdk/client-cloudwatch';
import type * as logs from '@aws-sdk/client-cloudwatch-logs';
import type * as ec2 from '@aws-sdk/client-ec2';
import type * as pricing from '@aws-sdk/client-pricing';
import type * as s3 from '@aws-sdk/client-s3';
import type * as quotas from '@aws-sdk/client-service-quotas';
import type * as ssm from '@aws-sdk/client-ssm';
import type * as sts from '@aws-sdk/client-sts';
import type * as storage from '@aws-sdk/lib-storage';

// By require: of a package in CommonJS `import()` first reads the whole text for its exports, which takes as long again.
/* oxlint-disable typescript/no-require-imports */

/** The SDK's packages, each loaded when it is asked for: that takes 0.1 to 0.4 s of processor time. */
export const sdk = {
  autoScaling: () => require('@aws-sdk/client-auto-scaling') as typeof autoScaling,
  cloudFormation: () => require('@aws-sdk/client-cloudformation') as typeof cloudFormation,
  cloudWatch: () => require('@aws-sdk/client-cloudwatch') as typeof cloudWatch,
  ec2: () => require('@aws-sdk/client-ec2') as typeof ec2,
  logs: () => require('@aws-sdk/client-cloudwatch-logs') as typeof logs,
  pricing: () => require('@aws-sdk/client-pricing') as typeof pricing,
  quotas: () => require('@aws-sdk/client-service-quotas') as typeof quotas,
  s3: () => require('@aws-sdk/client-s3') as typeof s3,
  ssm: () => require('@aws-sdk/client-ssm') as typeof ssm,
  sts: () => require('@aws-sdk/client-sts') as typeof sts,
  storage: () => require('@aws-sdk/lib-storage') as typeof storage,
};
