import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './program';
import type { World } from './world';

// The SDK's version is pinned by this project: its notice about coming Node.js versions is no matter of who uses the tool.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// A reader that has seen enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const world: World = {
  env: process.env,
  root: join(__dirname, '..', '..'),
  profileRegion: async () => {
    const { STS } = await import('@aws-sdk/client-sts');
    return new STS({}).config.region().catch(() => undefined);
  },
  now: () => new Date(),
  sleep,
  out: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
  input: process.stdin,
  terminal: process.stdin.isTTY && process.stdout.isTTY,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
};

void run(process.argv.slice(2), world).then((code) => {
  process.exitCode = code;
});
