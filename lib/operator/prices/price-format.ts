/**
 * A writer for prices in USD per hour that shows each of `prices` in full and all of them alike, so that they align:
 * four decimals as AWS shows them, or as many as are needed, up to the six that EC2 gives. No price is written "-".
 */
export function priceFormat(prices: readonly (number | undefined)[]): (price: number | undefined) => string {
  const known = prices.filter((price) => price !== undefined);
  const shows = (digits: number) => known.every((price) => Math.abs(Number(price.toFixed(digits)) - price) < 5e-7);
  const digits = [4, 5].find(shows) ?? 6;
  return (price) => price?.toFixed(digits) ?? '-';
}
