import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';

/** Settings of a deployment from a file of its own. */
export interface SettingsFile {
  /** How a person knows it, e.g. `deployments/dev.json`. */
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A settings file that is not JSON with comments, or holds something else than settings: one line. */
export class SettingsFileError extends Error {}

const STACK = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Where settings files are, in the project's directory. */
const DIRECTORY = 'deployments';

/**
 * Reads `deployments/<stack>.json`: JSON, in which comments and commas at the end are allowed.
 *
 * @param root - the project's directory
 * @param stack - the deployment's name; one that is not a name has no file
 * @param directory - where the files are. @default - `deployments` in the project's directory
 * @returns undefined where there is no such file
 * @throws SettingsFileError
 */
export function readSettingsFile(
  root: string,
  stack: unknown,
  directory: string | undefined,
): SettingsFile | undefined {
  if ((typeof stack !== 'string' && typeof stack !== 'number') || !STACK.test(`${stack}`)) return undefined;
  const name = join(directory ?? DIRECTORY, `${stack}.json`);
  const path = resolve(root, name);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) {
    const before = text.slice(0, first.offset).split('\n');
    const at = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
    throw new SettingsFileError(
      `${name} must be JSON (comments are allowed), got ${printParseErrorCode(first.error)} in ${at}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SettingsFileError(`${name} must be an object of settings, got ${JSON.stringify(value)}`);
  }
  return { name, settings: Object.fromEntries(Object.entries(value).filter(([key]) => key !== '$schema')) };
}
