import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

const REPOSITORY = path.join(__dirname, '..', '..');
const MACHINE = path.join(REPOSITORY, 'assets', 'machine');
const LIBRARY = 'usr/local/lib/openclaw';

/** One of the project's own documents, e.g. `README.md`. */
export function document(name: string): string {
  return readFileSync(path.join(REPOSITORY, name), 'utf8');
}

/** A file of the machine as text, e.g. `etc/tmpfiles.d/openclaw.conf`. */
export function file(name: string): string {
  return readFileSync(path.join(MACHINE, name), 'utf8');
}

/** A module of the machine's library, e.g. `state/guards/lease`. */
export function library(module: string): string {
  return file(`${LIBRARY}/${module}.py`);
}

/** A program of /usr/local/libexec/openclaw. */
export function program(name: string): string {
  return file(`usr/local/libexec/openclaw/${name}`);
}

export function unit(name: string): string {
  return file(`etc/systemd/system/${name}`);
}

/** Every text below a directory of the machine, by path. */
export function texts(under = ''): Record<string, string> {
  const root = path.join(MACHINE, under);
  const found = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'),
  );
  const names = found.map((entry) => path.relative(MACHINE, path.join(entry.parentPath, entry.name))).sort();
  return Object.fromEntries(names.map((name) => [name, file(name)]));
}

/** All that a pattern's first group matches, sorted, each once. */
export function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();
}

/** What a pattern's first group matches, where it matches exactly one thing. */
export function one(text: string, pattern: RegExp): string {
  const found = all(text, new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`));
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${pattern} matches ${found.length} things, not one`);
  return found[0];
}

/** A constant of a Python module, as Python writes it: `KEY = "lease.json"` gives `"lease.json"`. */
export function constant(module: string, name: string): string {
  return one(library(module), new RegExp(`^${name}(?:: \\w+)? = (.*?)(?:  #.*)?$`, 'm'));
}

/** The texts in a Python or bash expression: `("a", "b")` gives a and b. */
export function strings(expression: string): string[] {
  return [...expression.matchAll(/["']([^"']*)["']/g)].map((match) => match[1] ?? '');
}

/** A column of the table below a heading in one of our documents, without its code marks. */
export function column(name: string, heading: string, number: number): string[] {
  const text = document(name);
  const section = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows
    .map((row) => row.split('|')[number]?.trim() ?? '')
    .filter((cell) => cell.startsWith('`'))
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
}
