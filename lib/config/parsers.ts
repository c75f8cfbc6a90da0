import { aws_ec2 as ec2, aws_logs as logs } from 'aws-cdk-lib';
import { parseImageReference, type ImageReference } from './image-reference';

/** A kind of value: what is allowed, in words that follow "must be", and how its text is read. */
export interface Kind<T> {
  readonly allowed: string;
  /** The value, or undefined where the text is not one of this kind. */
  parse(text: string): T | undefined;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html */
export const availabilityZone: Kind<{ name: string; region: string }> = {
  allowed: 'an availability zone like me-central-1a',
  parse(text) {
    const match = /^([a-z]{2,4}(?:-[a-z]+){1,2}-\d+)[a-z]$/.exec(text);
    return match?.[1] === undefined ? undefined : { name: text, region: match[1] };
  },
};

const BUCKET_NAME_MAX = 63;

/**
 * A deployment name that leaves the state bucket a lawful name.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 * @param region - whose name is part of the bucket's; without one (the zone itself is at fault) the length is not judged
 */
export function stackName(region: string | undefined): Kind<string> {
  const rest = region === undefined ? 0 : `openclaw-backup--123456789012-${region}`.length;
  const max = BUCKET_NAME_MAX - rest;
  return {
    allowed:
      `1 to ${max} lower case letters, digits and hyphens, with a letter or digit at both ends ` +
      `(it is part of the bucket name openclaw-backup-<stack>-<account>-${region ?? '<region>'})`,
    parse: (text) => (/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text) && text.length <= max ? text : undefined),
  };
}

/** @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html */
export const instanceType: Kind<ec2.InstanceType> = {
  allowed: 'an EC2 instance type like t4g.small or c7i-flex.large',
  parse(text) {
    const form = /^[a-z]+\d{1,2}[a-z]*(?:-[a-z]+)?\.(?:nano|micro|small|medium|large|\d*xlarge|metal(?:-\d+xl)?)$/;
    // mac types are dedicated hosts and run macOS only.
    return form.test(text) && !text.startsWith('mac') ? new ec2.InstanceType(text) : undefined;
  },
};

export const image: Kind<ImageReference> = {
  allowed: 'a container image reference like ghcr.io/openclaw/openclaw:2026.9.6 (name, tag, @sha256 digest)',
  parse: parseImageReference,
};

/** EC2 refuses a ceiling below USD 0.001. */
export const spotPrice: Kind<number> = {
  allowed: 'a price in USD per hour of at least 0.001, like 0.0105',
  parse(text) {
    const price = /^\d{1,4}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
    return price >= 0.001 ? price : undefined;
  },
};

export const ami: Kind<string> = {
  allowed: 'an AMI id like ami-0123456789abcdef0',
  parse: (text) => (/^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(text) ? text : undefined),
};

export const email: Kind<string> = {
  allowed: 'an e-mail address like ops@example.com',
  parse: (text) => (/^[^\s@<>,;:"]+@[^\s@<>,;:"]+\.[^\s@<>,;:".]+$/.test(text) ? text : undefined),
};

const RETENTION_DAYS = Object.values(logs.RetentionDays).filter(
  (days): days is logs.RetentionDays => typeof days === 'number' && days !== logs.RetentionDays.INFINITE,
);

/** The retentions that CloudWatch Logs knows. */
export const retentionDays: Kind<logs.RetentionDays> = {
  allowed: `a number of days that CloudWatch Logs knows (${RETENTION_DAYS.join(', ')})`,
  parse: (text) => RETENTION_DAYS.find((days) => String(days) === text),
};

export const trueOrFalse: Kind<boolean> = {
  allowed: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

export function oneOf<T extends string>(...values: T[]): Kind<T> {
  return {
    allowed: values.join(', ').replace(/, ([^,]*)$/, ' or $1'),
    parse: (text) => values.find((value) => value === text),
  };
}

export function wholeNumber(min: number, max: number, unit: string): Kind<number> {
  return {
    allowed: `a whole number of ${unit} from ${min} to ${max}`,
    parse(text) {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
  };
}
