import { closest } from '../../../../lib/operator/aws/closest';

test.each([
  ['t4g.smal', ['t4g.small']],
  ['t4.small', ['t3.small', 't4g.small']],
  ['x', []],
])('%s was probably meant as %j', (got, expected) => {
  expect(closest(got, ['m7g.large', 't3.small', 't4g.medium', 't4g.small'])).toEqual(expected);
});
