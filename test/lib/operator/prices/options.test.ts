import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../../../../lib/operator/errors';
import { DEFAULT_TYPES, parseOptions, type Given } from '../../../../lib/operator/prices/options';

const directory = mkdtempSync(join(tmpdir(), 'spot-prices-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function faults(given: Given): string[] {
  try {
    parseOptions(given);
  } catch (error) {
    if (error instanceof UsageError) return error.faults;
    throw error;
  }
  return [];
}

describe('the command line', () => {
  test('has defaults for all that is left out, and takes empty values as left out', () => {
    const defaults = {
      instanceTypes: DEFAULT_TYPES,
      region: undefined,
      format: 'table',
      chart: undefined,
      days: 7,
    };
    expect(parseOptions({})).toEqual(defaults);
    expect(parseOptions({ instanceTypes: [''], region: '', format: '', chart: ' ', days: '' })).toEqual(defaults);
  });

  test('takes types with spaces, commas and a repeated option, each once', () => {
    const { instanceTypes } = parseOptions({ instanceTypes: ['t4g.small,  t4g.medium', 'm7g-flex.large t4g.small'] });
    expect(instanceTypes).toEqual(['t4g.small', 't4g.medium', 'm7g-flex.large']);
  });

  test.each([
    [{ instanceTypes: ['t4g'] }, "instance type must look like t4g.small (lower case), got 't4g'"],
    [{ instanceTypes: ['T4G.small'] }, "instance type must look like t4g.small (lower case), got 'T4G.small'"],
    [
      { region: 'me-central-1a' },
      "region must be a region, got the availability zone 'me-central-1a': did you mean me-central-1?",
    ],
    [{ region: 'dubai' }, "region must be a region like me-central-1, got 'dubai'"],
    [{ region: 'cn-north-1' }, "region must not be in China, where prices are not in USD, got 'cn-north-1'"],
    [{ format: 'xml' }, "format must be one of table, json, csv, got 'xml'"],
    [{ format: 'JSON' }, "format must be one of table, json, csv, got 'JSON'"],
    [{ days: '0' }, "days must be a whole number from 1 to 90, got '0'"],
    [{ days: '91' }, "days must be a whole number from 1 to 90, got '91'"],
    [{ days: '1.5' }, "days must be a whole number from 1 to 90, got '1.5'"],
    [{ days: 'week' }, "days must be a whole number from 1 to 90, got 'week'"],
    [{ chart: 'prices.png' }, "chart must be an .svg file, got 'prices.png'"],
  ])('refuses %j', (given, fault) => {
    expect(faults(given)).toEqual([fault]);
  });

  test('refuses a chart in a directory that is not there, before anything is asked', () => {
    const chart = join(directory, 'absent', 'prices.svg');
    expect(faults({ chart })).toEqual([`chart cannot be written, got '${chart}': ENOENT`]);
  });

  test('names every fault at once', () => {
    expect(faults({ instanceTypes: ['t4g m7g'], region: 'x', format: 'y', days: 'z' })).toHaveLength(5);
  });
});
