import { aws_ec2 as ec2, aws_logs as logs } from 'aws-cdk-lib';
import { parseImageReference, type ImageReference } from './image-reference';
import { isTimeZone, parseSchedule, type ScheduledTime } from './schedule';

/** A kind of value: what is allowed, in words that follow "must be" and as JSON schema, and how its text is read. */
export interface Kind<T> {
  readonly allowed: string;
  /** What an editor can tell of it: no value that is allowed breaks it. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The value, or undefined where the text is not one of this kind. */
  parse(text: string): T | undefined;
}

const ofForm = (form: RegExp) => ({ type: 'string', pattern: form.source });

const ZONE = /^([a-z]{2,4}(?:-[a-z]+){1,2}-\d+)[a-z]$/;

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html */
export const availabilityZone: Kind<{ name: string; region: string }> = {
  allowed: 'an availability zone like me-central-1a',
  schema: ofForm(ZONE),
  parse(text) {
    const match = ZONE.exec(text);
    return match?.[1] === undefined ? undefined : { name: text, region: match[1] };
  },
};

const BUCKET_NAME_MAX = 63;
const STACK = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

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
    schema: ofForm(STACK),
    parse: (text) => (STACK.test(text) && text.length <= max ? text : undefined),
  };
}

// mac types are dedicated hosts and run macOS only.
const INSTANCE_TYPE =
  /^(?!mac)[a-z]+\d{1,2}[a-z]*(?:-[a-z]+)?\.(?:nano|micro|small|medium|large|\d*xlarge|metal(?:-\d+xl)?)$/;

/** @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html */
export const instanceType: Kind<ec2.InstanceType> = {
  allowed: 'an EC2 instance type like t4g.small or c7i-flex.large',
  schema: ofForm(INSTANCE_TYPE),
  parse: (text) => (INSTANCE_TYPE.test(text) ? new ec2.InstanceType(text) : undefined),
};

export const image: Kind<ImageReference> = {
  allowed: 'a container image reference like ghcr.io/openclaw/openclaw:2026.9.6 (name, tag, @sha256 digest)',
  schema: { type: 'string', minLength: 1 },
  parse: parseImageReference,
};

/** EC2 refuses a ceiling below this, in USD per hour. */
const LEAST_PRICE = 0.001;

export const spotPrice: Kind<number> = {
  allowed: `a price in USD per hour of at least ${LEAST_PRICE}, like 0.0105`,
  schema: { type: 'number', minimum: LEAST_PRICE, exclusiveMaximum: 10_000 },
  parse(text) {
    const price = /^\d{1,4}(?:\.\d{1,6})?$/.test(text) ? Number(text) : 0;
    return price >= LEAST_PRICE ? price : undefined;
  },
};

function matching(allowed: string, form: RegExp): Kind<string> {
  return { allowed, schema: ofForm(form), parse: (text) => (form.test(text) ? text : undefined) };
}

export const ami = matching('an AMI id like ami-0123456789abcdef0', /^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/);

export const email = matching(
  'an e-mail address like ops@example.com',
  /^[^\s@<>,;:"]+@[^\s@<>,;:"]+\.[^\s@<>,;:".]+$/,
);

const RETENTION_DAYS = Object.values(logs.RetentionDays).filter(
  (days): days is logs.RetentionDays => typeof days === 'number' && days !== logs.RetentionDays.INFINITE,
);

/** The retentions that CloudWatch Logs knows. */
export const retentionDays: Kind<logs.RetentionDays> = {
  allowed: `a number of days that CloudWatch Logs knows (${RETENTION_DAYS.join(', ')})`,
  schema: { enum: RETENTION_DAYS },
  parse: (text) => RETENTION_DAYS.find((days) => String(days) === text),
};

/** A repository on GitHub; the ids are numbers that GitHub gives once and never again. */
export interface Repository {
  readonly owner: { readonly name: string; readonly id?: string };
  readonly name: { readonly name: string; readonly id?: string };
}

const REPOSITORY = /^([A-Za-z0-9][A-Za-z0-9-]{0,38})(?:@(\d+))?\/([A-Za-z0-9._-]{1,100})(?:@(\d+))?$/;

export const repository: Kind<Repository> = {
  allowed: "a repository on GitHub like octocat/my-repo, or with GitHub's ids octocat@123456/my-repo@456789",
  schema: ofForm(REPOSITORY),
  parse(text) {
    const [, owner, ownerId, name, nameId] = REPOSITORY.exec(text) ?? [];
    if (owner === undefined || name === undefined || (ownerId === undefined) !== (nameId === undefined))
      return undefined;
    return {
      owner: { name: owner, ...(ownerId !== undefined && { id: ownerId }) },
      name: { name, ...(nameId !== undefined && { id: nameId }) },
    };
  },
};

export const schedule: Kind<readonly ScheduledTime[]> = {
  allowed:
    "stop and start, each at least once and none at the same time, like 'stop 0 23 * * *, start 0 7 * * *' (minute 0-59, " +
    'hour 0-23, day 1-31, month 1-12, weekday 0-6 from Sunday; *, lists, ranges, steps)',
  schema: { type: 'string', pattern: '^(?:stop|start)\\s' },
  parse: parseSchedule,
};

export const timeZone: Kind<string> = {
  allowed: "a time zone's IANA name like Asia/Dubai or UTC",
  schema: { type: 'string', minLength: 1 },
  parse: (text) => (isTimeZone(text) ? text : undefined),
};

export const trueOrFalse: Kind<boolean> = {
  allowed: 'true or false',
  schema: { type: 'boolean' },
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

export function oneOf<T extends string>(...values: T[]): Kind<T> {
  return {
    allowed: values.join(', ').replace(/, ([^,]*)$/, ' or $1'),
    schema: { enum: values },
    parse: (text) => values.find((value) => value === text),
  };
}

export function wholeNumber(min: number, max: number, unit: string): Kind<number> {
  return {
    allowed: `a whole number of ${unit} from ${min} to ${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    parse(text) {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
  };
}
