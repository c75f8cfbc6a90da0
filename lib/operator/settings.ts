import type * as config from '../config/config';
import type { SettingsFile } from '../config/settings-file';
import type { Context } from './context';
import { cdkContext } from './deployment';
import { UsageError } from './errors';
import { fileOf } from './settings-file';

/** A deployment's settings as a command line and the project's files give them. */
export interface Given {
  /** What the CDK's context would hold: cdk.json's, and over it what was said. */
  readonly context: Readonly<Record<string, unknown>>;
  /** What was said, as words of the CDK: `-c`, `az=…` */
  readonly words: readonly string[];
  readonly file: SettingsFile | undefined;
}

/** Reads `key=value`s. @throws UsageError for one that is not */
function pairs(texts: readonly string[]): [string, string][] {
  return texts.map((text) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      throw new UsageError([`a setting must be like key=value, got '${text}'`]);
    }
    return [key, value];
  });
}

/**
 * What a deploy would read: cdk.json, the deployment's own file, and what the options or make's environment say.
 * @param more - settings like `key=value` that win over all of it. @default - none
 */
export function settingsOf({ options, world }: Context, more: readonly string[] = []): Given {
  const { env, root } = world;
  const { context: texts = [] } = options as { context?: string[] };
  const [az, stack] = [options.az ?? env.AZ, options.stack ?? env.STACK];
  const said = { ...(az && { az }), ...(stack && { stack }), ...Object.fromEntries(pairs([...texts, ...more])) };
  const context = { ...cdkContext(root), ...said };
  return {
    context,
    words: Object.entries(said).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    file: fileOf(world, context.stack ?? 'dev'),
  };
}

/** Settings that are not allowed. */
export class SettingsError extends UsageError {}

/**
 * The settings as the app reads them.
 * @throws SettingsError with all that is wrong with them, UsageError where another region was asked for
 */
export function configOf({ options: { region } }: Context, { context, file }: Given): config.Config {
  // Only here: it brings the CDK, which takes longer to load than all the rest.
  // oxlint-disable-next-line typescript/no-require-imports
  const { ConfigError, parseConfig } = require('../config/config') as typeof config;
  try {
    const found = parseConfig(context, file);
    if (region === undefined || region === found.region) return found;
    throw new UsageError([`region must be that of the zone, ${found.region}, got '${region}': leave it out`]);
  } catch (error) {
    if (error instanceof ConfigError) throw new SettingsError([...error.faults]);
    throw error;
  }
}
