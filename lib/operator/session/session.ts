import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { AwsCallError } from '../aws/calls';
import type { Deployment } from '../deployment';
import { EXIT, Failure } from '../errors';
import { OutputReader } from './output-reader';
import type { World } from '../world';

const PLUGIN = 'session-manager-plugin';
const INSTALL =
  'https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html';
// From this one on it takes the session's token from its environment, where no other user of this computer sees it.
const TAKES_ENVIRONMENT = [1, 2, 497];
const VARIABLE = 'AWS_SSM_START_SESSION_RESPONSE';

/** Text for a POSIX shell that is these words, whatever is in them. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
}

/** The version of the installed plugin. @throws Failure where there is none */
export async function pluginVersion({ env }: World): Promise<string> {
  const child = spawn(PLUGIN, ['--version'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  await new Promise<void>((resolve, reject) => {
    child.on('close', () => {
      resolve();
    });
    child.on('error', () => {
      reject(new Failure([`${PLUGIN} is missing; install it and run this again: ${INSTALL}`]));
    });
  });
  return text.trim();
}

/** What kind of session: without a document a shell. */
export interface SessionDocument {
  readonly name: string;
  readonly parameters: Record<string, string[]>;
}

/**
 * Opens a session with an instance and hands it to the plugin.
 * @throws Failure where the plugin is missing or the instance is not connected, AwsCallError
 */
export async function openSession(
  { aws, region }: Deployment,
  world: World,
  instance: string,
  stdio: StdioOptions,
  document?: SessionDocument,
): Promise<ChildProcess> {
  const { env } = world;
  const version = (await pluginVersion(world)).split('.').map(Number);
  const request = {
    Target: instance,
    ...(document && { DocumentName: document.name, Parameters: document.parameters }),
  };
  const { response, endpoint } = await aws
    .ssm('StartSession', async (ssm) => {
      const { SessionId, TokenValue, StreamUrl } = await ssm.startSession(request);
      return {
        response: { SessionId, TokenValue, StreamUrl },
        // Where the plugin resumes a session that broke off.
        endpoint:
          env.AWS_ENDPOINT_URL_SSM ??
          env.AWS_ENDPOINT_URL ??
          ssm.config.endpointProvider({ Region: region }).url.origin,
      };
    })
    .catch((error: unknown) => {
      if (!(error instanceof AwsCallError) || error.code !== 'TargetNotConnected') throw error;
      throw new Failure(
        [
          `${instance} is not connected to Session Manager: it boots, or ends, or its agent is down; try again in a minute`,
        ],
        EXIT.nothingThere,
      );
    });
  const json = JSON.stringify(response);
  const isNew = compare(version, TAKES_ENVIRONMENT) >= 0;
  return spawn(
    PLUGIN,
    [isNew ? VARIABLE : json, region, 'StartSession', env.AWS_PROFILE ?? '', JSON.stringify(request), endpoint],
    { env: { ...env, ...(isNew && { [VARIABLE]: json }) }, stdio },
  );
}

function compare(version: readonly number[], other: readonly number[]): number {
  return other.map((part, index) => (version[index] ?? 0) - part).find((difference) => difference !== 0) ?? 0;
}

export interface Ran {
  /** The command's exit status. */
  readonly status: number;
  readonly output: string;
}

/**
 * What the machine's shell is asked: the words as root, between the records that {@link OutputReader} reads.
 * @param input - whether somebody can type; else the command's standard input is empty
 */
export function remoteCommand(words: readonly string[], nonce: string, input: boolean): string {
  // Amazon Linux's sudo leaves /usr/local/bin, where our commands are, out of PATH.
  const command = quoted(['sudo', 'env', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin', ...words]);
  return [
    `printf '\\036%s\\n' ${nonce}`,
    // Control-C ends the command there, and its status is told all the same.
    'trap : INT',
    `${command}${input ? '' : ' </dev/null'}`,
    `printf '\\036%s %d\\n' ${nonce} $?`,
  ].join('; ');
}

/**
 * Runs one command on the machine, as root: through Session Manager, so that nothing has to listen.
 * @param show - takes the output as it comes
 * @throws Failure where the session ends before the command
 */
export async function runOnMachine(
  deployment: Deployment,
  world: World,
  instance: string,
  words: readonly string[],
  show: (text: string) => void,
): Promise<Ran> {
  const nonce = randomBytes(16).toString('hex');
  const { terminal } = world;
  const child = await openSession(deployment, world, instance, [terminal ? 'inherit' : 'pipe', 'pipe', 'inherit'], {
    name: 'AWS-StartInteractiveCommand',
    parameters: { command: [remoteCommand(words, nonce, terminal)] },
  });
  // The plugin ends where its input ends: without a terminal it gets one that stays open and silent.
  const restore = holdSignals();
  const reader = new OutputReader(nonce);
  const decoder = new StringDecoder('utf8');
  let output = '';
  const pass = (text: string) => {
    output += text;
    if (text !== '') show(text);
  };
  child.stdout?.on('data', (data: Buffer) => {
    pass(reader.push(decoder.write(data)));
    if (reader.status !== undefined) child.stdin?.end();
  });
  await new Promise<void>((resolve, reject) => {
    child.on('close', () => {
      resolve();
    });
    child.on('error', reject);
  }).finally(restore);
  pass(reader.push(decoder.end()));
  pass(reader.finish());
  if (reader.status === undefined) {
    const talk = reader.talk.split(/\r?\n/).filter((line) => line.trim() !== '');
    throw new Failure(
      reader.begun
        ? ['the session ended before the command did: it may still run, and how it ends is not known']
        : [
            `the session with ${instance} ended before the command began: ${talk.join('; ') || 'the plugin said nothing'}`,
          ],
    );
  }
  return { status: reader.status, output };
}

/** The plugin sends these keys to the machine; here they must end nothing. @returns a function that lets them act again */
export function holdSignals(): () => void {
  const signals = ['SIGINT', 'SIGQUIT', 'SIGTSTP'] as const;
  const nothing = () => undefined;
  for (const signal of signals) process.on(signal, nothing);
  return () => {
    for (const signal of signals) process.off(signal, nothing);
  };
}
