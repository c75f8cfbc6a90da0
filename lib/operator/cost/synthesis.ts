import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { parseConfig, type Config } from '../../config/config';
import type { SettingsFile } from '../../config/settings-file';
import { OpenClawStack } from '../../openclaw-stack';
import type { Variant } from './report';
import type { Template } from './quantities';

export { ConfigError } from '../../config/config';

type Synthesis = Variant & { readonly config: Config };

// Many a change that is looked at changes nothing.
const made = new Map<string, Synthesis>();

/**
 * The template that a deploy with these settings would send.
 * @throws ConfigError where they are not allowed
 */
export function synthesize(context: Readonly<Record<string, unknown>>, file?: SettingsFile): Synthesis {
  const config = parseConfig(context, file);
  const key = JSON.stringify(config);
  const synthesis = made.get(key) ?? { config, ...variantOf(config, context) };
  made.set(key, synthesis);
  return synthesis;
}

function variantOf(config: Config, context: Readonly<Record<string, unknown>>): Variant {
  const outdir = mkdtempSync(join(tmpdir(), 'openclaw-cost-'));
  // The library's own validation is for those who deploy; here it would cost seconds for each setting.
  const validation = process.env.CDK_VALIDATION;
  process.env.CDK_VALIDATION = 'false';
  try {
    const app = new App({ context: { ...context, 'aws:cdk:disable-creation-stack-traces': true }, outdir });
    const name = `openclaw-${config.stack}`;
    new OpenClawStack(app, name, { config, stackName: name, env: { region: config.region } });
    const template = app.synth().getStackByName(name).template as Template;
    return { template, instanceType: config.instanceType.toString(), onSpot: config.market === 'spot' };
  } finally {
    if (validation === undefined) delete process.env.CDK_VALIDATION;
    else process.env.CDK_VALIDATION = validation;
    rmSync(outdir, { recursive: true });
  }
}
