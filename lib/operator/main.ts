import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sdk } from './aws/sdk';
import { run } from './program';
import type { World } from './world';

// The SDK's version is pinned by this project: its notice about future Node.js versions does not concern users of the tool.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// A reader that has seen enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, 'localhost', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function browse(url: string): void {
  const program = { darwin: 'open', win32: 'explorer.exe' }[process.platform as string] ?? 'xdg-open';
  const child = spawn(program, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => {
    process.stderr.write(`no browser could be started: open ${url}\n`);
  });
  child.unref();
}

const world: World = {
  env: process.env,
  root: join(__dirname, '..', '..'),
  profileRegion: () => {
    const { STS } = sdk.sts();
    return new STS({}).config.region().catch(() => undefined);
  },
  now: () => new Date(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
  out: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
  input: process.stdin,
  terminal: process.stdin.isTTY && process.stdout.isTTY,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
  isFree,
  browse,
};

void run(process.argv.slice(2), world).then((code) => {
  process.exitCode = code;
});
