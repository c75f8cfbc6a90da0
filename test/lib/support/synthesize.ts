import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { parseConfig } from '../../../lib/config/config';
import { OpenClawStack } from '../../../lib/openclaw-stack';

export const REPOSITORY = path.join(__dirname, '..', '..', '..');
export const ACCOUNT = '123456789012';
export const REGION = 'me-central-1';

/** What the CDK CLI reads: the app's command and its context. */
export const CDK_JSON = JSON.parse(readFileSync(path.join(REPOSITORY, 'cdk.json'), 'utf8')) as {
  app: string;
  context: Record<string, unknown>;
};
/** The feature flags that the app is synthesized with. */
export const FLAGS = CDK_JSON.context;

const directory = mkdtempSync(path.join(tmpdir(), 'openclaw-synth-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** Where each construct was made is told to the CDK CLI's users; to find it out takes a fifth of a synthesis. */
const NO_TRACES = { 'aws:cdk:disable-creation-stack-traces': true };

/** An app with the app's feature flags and this context, whose assembly goes away with the tests. */
export function testApp(context: Record<string, unknown> = {}): App {
  const outdir = mkdtempSync(path.join(directory, 'cdk.out-'));
  return new App({ context: { ...FLAGS, ...NO_TRACES, ...context }, outdir });
}

/** The stack that `cdk deploy -c az=me-central-1a …` would deploy, in an app of its own. */
export function openClawStack(context: Record<string, unknown> = {}, account?: string): OpenClawStack {
  const config = parseConfig({ az: 'me-central-1a', ...context });
  const name = `openclaw-${config.stack}`;
  const env = { region: config.region, ...(account && { account }) };
  return new OpenClawStack(testApp(), name, { config, stackName: name, env });
}

/** Its template, with the account known unless told otherwise. One of the same settings is not made again, whichever test asks. */
export function synthesize(context: Record<string, unknown> = {}, account: string = ACCOUNT): Template {
  const key = JSON.stringify([context, account]);
  const made = worker.templates.get(key) ?? JSON.stringify(synthesizeAnew(context, account).toJSON());
  worker.templates.set(key, made);
  return Template.fromString(made);
}

/** The same, made once more whatever was made before. */
export function synthesizeAnew(context: Record<string, unknown> = {}, account: string = ACCOUNT): Template {
  return Template.fromStack(openClawStack(context, account));
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly Metadata?: Record<string, unknown>;
  readonly DependsOn?: string[];
}

/** The only resource of a type, with its logical id. */
export function only(template: Template, type: string): Resource & { readonly id: string } {
  const found = Object.entries(template.findResources(type));
  if (found.length !== 1 || !found[0]) throw new Error(`expected one ${type}, got ${found.length}`);
  return { id: found[0][0], ...(found[0][1] as Resource) };
}
