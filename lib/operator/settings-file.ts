import type * as settingsFile from '../config/settings-file';
import { UsageError } from './errors';
import type { World } from './world';

/** The settings file of a deployment, if it has one. @throws UsageError where the file is not one of settings */
export function fileOf({ root, env }: World, stack: unknown): settingsFile.SettingsFile | undefined {
  // Only here, as the SDK's packages: most commands have what they need without it.
  // oxlint-disable-next-line typescript/no-require-imports
  const { readSettingsFile, SettingsFileError } = require('../config/settings-file') as typeof settingsFile;
  try {
    return readSettingsFile(root, stack, env.OPENCLAW_SETTINGS_DIR);
  } catch (error) {
    if (error instanceof SettingsFileError) throw new UsageError([error.message]);
    throw error;
  }
}
