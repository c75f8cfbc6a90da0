#!/usr/bin/env -S npx tsx
import { connect, profileRegion } from '../lib/spot-prices/aws';
import { run } from '../lib/spot-prices/run';

// The SDK's version is pinned by this project: its notice about coming Node.js versions is no matter of who asks for prices.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// A reader that has seen enough, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

void run(process.argv.slice(2), {
  aws: connect(),
  env: process.env,
  profileRegion,
  now: () => new Date(),
  out: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
}).then((code) => {
  process.exitCode = code;
});
