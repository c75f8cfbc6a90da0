import { priceFormat } from '../../../../lib/operator/prices/price-format';
import { roundTicks, spread, timeTicks } from '../../../../lib/operator/prices/scale';

describe('axes', () => {
  test.each([
    [0.0064, 0.0073, 4, [0.006, 0.0065, 0.007, 0.0075]],
    [0, 0.0004, 4, [0, 0.0001, 0.0002, 0.0003, 0.0004]],
    [0.11, 0.49, 4, [0.1, 0.2, 0.3, 0.4, 0.5]],
  ])('round prices enclose %d to %d', (min, max, steps, expected) => {
    const ticks = roundTicks(min, max, steps);
    expect(ticks.map((tick) => Number(tick.toFixed(6)))).toEqual(expected);
  });

  test.each([
    [1, ['00:00', '06:00', '12:00', '18:00']],
    [7, ['17 Nov', '18 Nov', '19 Nov', '20 Nov', '21 Nov', '22 Nov', '23 Nov']],
    [90, ['27 Aug', '10 Sep', '24 Sep', '8 Oct', '22 Oct', '5 Nov', '19 Nov']],
  ])('time over %d days is marked at whole hours or days', (days, expected) => {
    const to = new Date('2026-11-23T20:00:00Z');
    const from = new Date(to.getTime() - days * 24 * 60 * 60 * 1000);
    expect(timeTicks(from, to, 7).map(({ label }) => label)).toEqual(expected);
  });

  test('labels that lie on each other move apart and stay above the bottom', () => {
    const places = spread([90, 10, 92, 91], (place) => place, 14, 100).map(({ item, place }) => [item, place]);
    expect(places).toEqual([
      [10, 10],
      [90, 72],
      [91, 86],
      [92, 100],
    ]);
  });
});

test.each([
  [[0.0066, 0.02], 0.0066, '0.0066'],
  [[0.00001, 0.02], 0.02, '0.02000'],
  [[0.006712], 0.006712, '0.006712'],
  [[], undefined, '-'],
])('of %j, %d is written %s', (prices, price, expected) => {
  expect(priceFormat(prices)(price)).toBe(expected);
});
