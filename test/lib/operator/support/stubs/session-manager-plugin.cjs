// Stands for Session Manager's plugin and, behind it, the machine: takes what the real plugin takes, runs the command in
// this computer's shell, and, as the real one does, ends where its input ends. A terminal ends lines with \r\n.
const { spawn } = require('node:child_process');
const { appendFileSync } = require('node:fs');

const [variable, region, operation, profile, request, endpoint] = process.argv.slice(2);
const inEnvironment = variable === 'AWS_SSM_START_SESSION_RESPONSE';
const { SessionId } = JSON.parse(inEnvironment ? process.env[variable] : variable);
const { Target, DocumentName, Parameters } = JSON.parse(request);
const told = { inEnvironment, region, operation, profile, endpoint, Target, DocumentName, Parameters };
if (process.env.PLUGIN_TOLD) appendFileSync(process.env.PLUGIN_TOLD, `${JSON.stringify(told)}\n`);
process.stdout.write(`\nStarting session with SessionId: ${SessionId}\r\n`);
if (DocumentName === 'AWS-StartPortForwardingSession') {
  process.stdout.write(`Port 18789 opened for sessionId ${SessionId}.\nWaiting for connections...\n`);
}
if (process.env.PLUGIN_BREAKS === 'at once') process.exit();

const command = Parameters?.command?.[0] ?? 'true';
const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
let left = Number(process.env.PLUGIN_BREAKS ?? Infinity);
child.stdout.on('data', (data) => {
  const text = data.toString('latin1').replace(/\n/g, '\r\n').slice(0, left);
  left -= text.length;
  process.stdout.write(Buffer.from(text, 'latin1'));
  if (left === 0) process.exit();
});
process.stdin.pipe(child.stdin);
process.stdin.on('end', () => {
  if (child.exitCode === null) process.kill(-child.pid);
});
child.on('close', () => {
  process.stdout.write('\r\n\r\nExiting session with sessionId: s.\r\n');
  process.exit();
});
