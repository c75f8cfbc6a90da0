import { asking, AwsCallError, HOME_REGION } from './calls';
import { closest } from './closest';

type Kind = 'no-credentials' | 'expired' | 'refused' | 'denied' | 'throttled' | 'no-such-host' | 'network' | 'other';

// Error codes as the API references of EC2 ("Error codes for the Amazon EC2 API"), S3, Systems Manager and the Price List
// have them.
const CODES: Record<string, Kind> = {
  CredentialsProviderError: 'no-credentials',
  TokenProviderError: 'no-credentials',
  RequestExpired: 'expired',
  ExpiredToken: 'expired',
  ExpiredTokenException: 'expired',
  AuthFailure: 'refused',
  InvalidClientTokenId: 'refused',
  InvalidAccessKeyId: 'refused',
  UnrecognizedClientException: 'refused',
  SignatureDoesNotMatch: 'refused',
  InvalidSignatureException: 'refused',
  OptInRequired: 'refused',
  UnauthorizedOperation: 'denied',
  AccessDenied: 'denied',
  AccessDeniedException: 'denied',
  RequestLimitExceeded: 'throttled',
  SlowDown: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',
  ENOTFOUND: 'no-such-host',
  EAI_AGAIN: 'network',
  ECONNREFUSED: 'network',
  ECONNRESET: 'network',
  ENETUNREACH: 'network',
  EHOSTUNREACH: 'network',
  ETIMEDOUT: 'network',
  EPIPE: 'network',
  TimeoutError: 'network',
};

// What the status alone says: a HEAD request's answer has no body, and so no code.
const STATUSES: Record<number, Kind> = { 403: 'denied', 429: 'throttled', 503: 'throttled' };

interface Cause {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

function kindOf({ cause, status }: AwsCallError): Kind {
  const { name = '', code = '', message = '' } = (cause ?? {}) as Cause;
  // What the SDK wraps keeps its words alone.
  const [wrapped = ''] = /\bE[A-Z_]{4,}\b/.exec(message) ?? [];
  const kind =
    CODES[name] ??
    CODES[code] ??
    CODES[wrapped] ??
    STATUSES[status ?? 0] ??
    (/certificate/i.test(message) ? 'network' : 'other');
  return kind === 'no-credentials' && /expired/i.test(message) ? 'expired' : kind;
}

/** A failed call in one line: what was wrong and what helps. Knows nothing that needs another call. */
export function explain(error: AwsCallError): string {
  const cause = (error.cause ?? {}) as Cause;
  const { action, region } = error;
  const message = cause.message?.split('\n')[0]?.replace(/^AWS SDK error wrapper for \w+: /, '');
  const said = [message?.trim(), cause.code, cause.name].find(Boolean) ?? 'no reason given';
  const status = error.status === undefined ? '' : ` (HTTP ${error.status})`;
  switch (kindOf(error)) {
    case 'no-credentials':
      return `no AWS credentials found: set AWS_PROFILE (or correct it), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run 'aws configure' or 'aws sso login'; the SDK says: ${said}`;
    case 'expired':
      return `the AWS credentials have expired (or this computer's clock is wrong): get new ones, for example with 'aws sso login'; AWS says: ${said}`;
    case 'refused':
      return `AWS refused the credentials in ${region}: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile; AWS says: ${said}`;
    case 'denied': {
      const [, who] = /User: (\S+)/.exec(said) ?? [];
      const [, why] = /(?:because|with an) (.+?)(?:\. |\.?$)/.exec(said) ?? [];
      return `not allowed: ${action} in ${region}${who ? ` as ${who}` : ''}${why ? ` (${why})` : ''}; allow this action to the user or role`;
    }
    case 'throttled':
      return `AWS throttled ${action} in ${region} after ${cause.$metadata?.attempts ?? 'several'} attempts: try again in a minute`;
    case 'no-such-host':
    case 'network':
      return `cannot reach AWS in ${region}: ${cause.name === 'TimeoutError' ? 'no answer in time' : said}; check the network, a proxy or firewall, and AWS_ENDPOINT_URL`;
    case 'other': {
      if (cause.message?.includes('Deserialization error')) {
        return `what answered ${action} in ${region} is not AWS${status}: check AWS_ENDPOINT_URL and proxies`;
      }
      return `${action} in ${region} failed${status}: ${cause.name ?? 'Error'}: ${said}`;
    }
  }
}

/** The EC2 call that says which regions there are and which are on in this account. */
export interface RegionsApi {
  describeRegions(input: {
    AllRegions: boolean;
  }): Promise<{ Regions?: { RegionName?: string | undefined; OptInStatus?: string | undefined }[] | undefined }>;
}

/**
 * Looks at whether the region itself is why its calls failed: AWS answers AuthFailure or the like in an opt-in region that
 * is off, and a region that does not exist has no address.
 * @param connect - makes EC2's client for a region
 * @returns the line to show, or undefined where the region is not the reason or where that could not be asked
 */
export async function explainRegion(
  connect: (region: string) => RegionsApi | Promise<RegionsApi>,
  error: AwsCallError,
): Promise<string | undefined> {
  const { region } = error;
  if (!['refused', 'no-such-host', 'other'].includes(kindOf(error))) return undefined;
  const answer = await asking('ec2:DescribeRegions', HOME_REGION, async () =>
    (await connect(HOME_REGION)).describeRegions({ AllRegions: true }),
  ).catch(() => undefined);
  if (!answer?.Regions) return undefined;

  const names = answer.Regions.map(({ RegionName }) => RegionName ?? '').sort();
  const found = answer.Regions.find(({ RegionName }) => RegionName === region);
  if (!found) {
    const meant = closest(region, names);
    const help = meant.length > 0 ? `did you mean ${meant.join(' or ')}?` : `AWS has ${names.join(', ')}`;
    return `unknown region '${region}': ${help}`;
  }
  if (found.OptInStatus === 'not-opted-in') {
    return `the opt-in region ${region} is off in this account: turn it on with 'aws account enable-region --region-name ${region}' and wait some minutes`;
  }
  if (kindOf(error) === 'refused') {
    return `AWS refused the credentials in ${region} but takes them in ${HOME_REGION}: a session token from the global STS endpoint is not valid in opt-in regions, get one with AWS_STS_REGIONAL_ENDPOINTS=regional`;
  }
  return undefined;
}

/**
 * The lines for a failed call, or for several at once: the region, if that is why, else one line for each failure.
 * @throws the error itself, where it is a fault of this program
 */
export async function linesFor(
  error: unknown,
  connect: (region: string) => RegionsApi | Promise<RegionsApi>,
): Promise<string[]> {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const calls = errors.filter((each) => each instanceof AwsCallError);
  const [first] = calls;
  if (!first || calls.length < errors.length) throw error;
  const ofRegion = await explainRegion(connect, first);
  return ofRegion ? [ofRegion] : [...new Set(calls.map(explain))];
}
