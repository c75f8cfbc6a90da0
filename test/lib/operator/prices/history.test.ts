import { stabilityOf, type PricePoint } from '../../../../lib/operator/prices/history';

const window = { from: new Date('2026-11-16T00:00:00Z'), to: new Date('2026-11-23T00:00:00Z') };
const at = (day: number, price: number): PricePoint => ({ at: new Date(Date.UTC(2026, 10, day, 12)), price });

describe('the stability of a price over the window', () => {
  test.each<[string, PricePoint[], { price: number; min: number; max: number; changes: number }]>([
    ['a constant price from before the window has no change', [at(1, 5)], { price: 5, min: 5, max: 5, changes: 0 }],
    [
      'the price in force at the start belongs to the range',
      [at(15, 9), at(18, 5)],
      { price: 5, min: 5, max: 9, changes: 1 },
    ],
    [
      'a change before the window is none inside',
      [at(10, 2), at(15, 9), at(18, 5)],
      { price: 5, min: 5, max: 9, changes: 1 },
    ],
    ['a repeated price is no change', [at(15, 5), at(17, 5), at(19, 5)], { price: 5, min: 5, max: 5, changes: 0 }],
    [
      'there and back again are two changes',
      [at(15, 5), at(17, 6), at(19, 5)],
      { price: 5, min: 5, max: 6, changes: 2 },
    ],
    ['a first price inside the window is no change', [at(17, 5), at(18, 6)], { price: 6, min: 5, max: 6, changes: 1 }],
    ['points come in any order', [at(19, 7), at(15, 5), at(17, 6)], { price: 7, min: 5, max: 7, changes: 2 }],
    ['what comes after the window is not looked at', [at(15, 5), at(25, 1)], { price: 5, min: 5, max: 5, changes: 0 }],
  ])('%s', (_, points, expected) => {
    expect(stabilityOf(points, window)).toMatchObject(expected);
  });

  test('there is none without a price', () => {
    expect(stabilityOf([], window)).toBeUndefined();
  });

  test('says since when the price is in force, also from before the window, and through repetitions', () => {
    expect(stabilityOf([at(10, 4), at(12, 5), at(17, 5)], window)?.since).toEqual(at(12, 5).at);
  });

  test('its steps begin at the start of the window with the price in force there', () => {
    expect(stabilityOf([at(10, 4), at(18, 6)], window)?.steps).toEqual([{ at: window.from, price: 4 }, at(18, 6)]);
  });
});
