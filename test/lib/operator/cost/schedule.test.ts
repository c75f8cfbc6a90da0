import { runningShare } from '../../../../lib/operator/cost/schedule';

const share = (...pairs: [string, number][]) =>
  runningShare(pairs.map(([recurrence, machines]) => ({ recurrence, machines })));

test.each<[string, [string, number][], number]>([
  ['no schedule', [], 1],
  [
    'nights off',
    [
      ['0 23 * * *', 0],
      ['0 7 * * *', 1],
    ],
    16 / 24,
  ],
  [
    'days off',
    [
      ['0 7 * * *', 0],
      ['0 23 * * *', 1],
    ],
    8 / 24,
  ],
  [
    'an hour in three',
    [
      ['30 */3 * * *', 1],
      ['30 1-23/3 * * *', 0],
    ],
    1 / 3,
  ],
  // 261 working days in 2026.
  [
    'working hours',
    [
      ['0 8 * * 1-5', 1],
      ['0 18 * * 1,2,3,4,5', 0],
    ],
    (261 * 10) / (365 * 24),
  ],
  // Friday's start lasts until Monday's stop.
  [
    'two days in the week',
    [
      ['0 0 * * 1', 0],
      ['0 0 * * 5', 1],
    ],
    (52 * 3 + 1) / 365,
  ],
  [
    'the half of the year',
    [
      ['0 0 1 1 *', 1],
      ['0 0 1 7 *', 0],
    ],
    181 / 365,
  ],
  [
    'a date or a weekday',
    [
      ['0 0 1 * 1', 1],
      ['0 12 * * *', 0],
    ],
    (12 * 62) / (365 * 24),
  ],
  [
    'only what comes',
    [
      ['0 0 30 2 *', 0],
      ['0 0 1 1 *', 1],
    ],
    1,
  ],
])('%s', (_, pairs, expected) => {
  expect(share(...pairs)).toBeCloseTo(expected, 2);
});
