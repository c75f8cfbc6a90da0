import { AwsCallError } from '../aws/calls';
import { parseImageReference } from '../../config/image-reference';
import type { Deployment } from '../deployment';
import { Failure } from '../errors';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** What an image reference stood for when a machine first booted it. */
export interface Image {
  readonly reference: string;
  /** @default - the reference has its own, or none was recorded */
  readonly digest?: string | undefined;
}

/** Whether these are what a machine records of an image: the parameter is its own to write. */
export const isImage = (reference: unknown, digest: unknown): boolean =>
  isReference(reference) && matches(digest, DIGEST);

/** The last upgrade, for the way back: the parameter `upgrade` of the deployment. */
export interface UpgradeRecord {
  readonly from: Image;
  /** The reference that was upgraded to. */
  readonly to: string;
  /** Id of the snapshot that was taken before. */
  readonly snapshot: string;
  /** When it was there; what was written later is in no state of the former image. */
  readonly time: Date;
}

const SNAPSHOT = /^[!-~]{1,1024}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

export const recordName = ({ path }: Deployment): string => `${path}/upgrade`;

export function recordText({ from, to, snapshot, time }: UpgradeRecord): string {
  return JSON.stringify({ from, to, snapshot, time: `${time.toISOString().slice(0, 19)}Z` });
}

/**
 * @param name - of the parameter, for the fault
 * @throws Failure for a text that is not such a record
 */
export function parseRecord(text: string, name: string): UpgradeRecord {
  const fault = (what: string) =>
    new Failure([
      `parameter ${name} must be like {"from": {"reference": "…", "digest": "sha256:…"}, "to": "…", "snapshot": "…", "time": "2026-11-20T14:00:00Z"}: ` +
        `${what}, got '${text.slice(0, 400)}'; remove it where it is of no use`,
    ]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault('it is not JSON');
  }
  const { from, to, snapshot, time, ...more } = objectOf(value);
  const { reference, digest, ...moreOfImage } = objectOf(from);
  const unknown = [...Object.keys(more), ...Object.keys(moreOfImage)];
  if (unknown.length > 0) throw fault(`it has the unknown field ${unknown[0] ?? ''}`);
  if (!isReference(reference)) throw fault('from.reference must be an image');
  if (digest !== undefined && !matches(digest, DIGEST)) throw fault('from.digest must be a SHA-256 digest');
  if (!isReference(to)) throw fault('to must be an image');
  if (!matches(snapshot, SNAPSHOT)) throw fault('snapshot must be an id');
  const date = new Date(matches(time, TIME) ? time : Number.NaN);
  if (Number.isNaN(date.getTime())) throw fault('time must be a time in UTC');
  return { from: { reference, ...(digest !== undefined && { digest }) }, to, snapshot, time: date };
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
const matches = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value);
const isReference = (value: unknown): value is string =>
  typeof value === 'string' && parseImageReference(value) !== undefined;

/** A parameter's text, or undefined where there is none. */
export async function readParameter({ aws }: Deployment, Name: string): Promise<string | undefined> {
  try {
    const { Parameter } = await aws.ssm('GetParameter', (ssm) => ssm.getParameter({ Name }));
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof AwsCallError && error.code === 'ParameterNotFound') return undefined;
    throw error;
  }
}

/** @param text - undefined for no parameter */
export async function writeParameter({ aws }: Deployment, Name: string, text: string | undefined): Promise<void> {
  if (text !== undefined) {
    await aws.ssm('PutParameter', (ssm) => ssm.putParameter({ Name, Value: text, Type: 'String', Overwrite: true }));
    return;
  }
  try {
    await aws.ssm('DeleteParameter', (ssm) => ssm.deleteParameter({ Name }));
  } catch (error) {
    if (!(error instanceof AwsCallError) || error.code !== 'ParameterNotFound') throw error;
  }
}
