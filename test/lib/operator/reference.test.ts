import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFINITIONS } from '../../../lib/operator/program';
import { ROOT } from './support/local-servers';
import { tool } from './support/tool';

const PATH = join(ROOT, 'docs', 'operator.md');
const HEADING = '## Commands\n';

/** The part of docs/operator.md below its heading: every command's own help. */
async function reference(): Promise<string> {
  const names = DEFINITIONS.flatMap(({ command, subcommands = [] }) => [
    [command.name()],
    ...subcommands.map((one) => [command.name(), one.command.name()]),
  ]);
  let text = '';
  for (const name of names) {
    const { status, out } = await tool({}, [...name, '--help']);
    if (status !== 0) throw new Error(`${name.join(' ')} --help ended with ${status}`);
    text += `\n### ${name.join(' ')}\n\n\`\`\`text\n${out.trimEnd()}\n\`\`\`\n`;
  }
  return text;
}

// After a change of a command: UPDATE_REFERENCE=1 npx jest reference
test('docs/operator.md has the help of every command as it is', async () => {
  const written = readFileSync(PATH, 'utf8');
  const head = written.slice(0, written.indexOf(HEADING) + HEADING.length);
  const made = head + (await reference());
  if (process.env.UPDATE_REFERENCE) writeFileSync(PATH, made);
  expect(readFileSync(PATH, 'utf8')).toBe(made);
});

test('every command has an example, its exit statuses, and the options that all have', async () => {
  const sections = (await reference()).split('\n### ').slice(1);
  expect(sections).toHaveLength(35);
  for (const section of sections) {
    expect(section).toMatch(/Examples?:\n {2}npx openclaw-spot \w/);
    for (const part of ['Exit status:\n  0  done', '--stack <name>', '--region <region>', '--az <zone>', '--json']) {
      expect(section).toContain(part);
    }
  }
});
