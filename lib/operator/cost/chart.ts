import { STYLE } from '../prices/chart-style';
import type { Report } from './report';

const MARGIN = 28;
const HEADER = 84;
const ROW_HEIGHT = 24;
const LABEL_WIDTH = 190;
const BAR_WIDTH = 420;
const WIDTH = 2 * MARGIN + LABEL_WIDTH + BAR_WIDTH + 70;

const escaped = (text: string) => text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);

/** A month's parts as an SVG document: one bar each, the machine's own apart from what stands around it. */
export function drawChart({ region, instanceType, rows, bare, around, total }: Report): string {
  // A part that is charged by two prices is one bar.
  const parts = new Map<string, { usd: number; bare: boolean }>();
  for (const row of rows) {
    const before = parts.get(row.part)?.usd ?? 0;
    parts.set(row.part, { usd: before + (row.usd ?? 0), bare: row.bare ?? false });
  }
  const bars = [...parts].sort(([, a], [, b]) => Number(b.bare) - Number(a.bare) || b.usd - a.usd);
  const most = Math.max(...bars.map(([, { usd }]) => usd), 0.01);
  const left = MARGIN + LABEL_WIDTH;
  const drawn = bars.flatMap(([part, { usd, bare: own }], index) => {
    const y = HEADER + index * ROW_HEIGHT;
    const width = Number(((usd / most) * BAR_WIDTH).toFixed(1));
    return [
      `<text x="${left - 8}" y="${y + 13}" class="end">${escaped(part)}</text>`,
      `<rect x="${left}" y="${y + 2}" width="${width}" height="16" class="f${own ? 0 : 1}"/>`,
      `<text x="${left + width + 6}" y="${y + 13}">${usd.toFixed(2)}</text>`,
    ];
  });
  const height = HEADER + bars.length * ROW_HEIGHT + 16;
  const title = `OpenClaw on ${instanceType} in ${region}: ${total.toFixed(2)} USD a month`;
  const about = `the machine alone ${bare.toFixed(2)}, what stands around it ${around.toFixed(2)}; list prices, no free tier`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title about">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="about">${escaped(about)}</desc>`,
    `<style>\n${STYLE}\n</style>`,
    `<rect width="${WIDTH}" height="${height}" class="page"/>`,
    `<text x="${MARGIN}" y="34" class="title">${escaped(title)}</text>`,
    `<text x="${MARGIN}" y="54" class="about">${escaped(about)}</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}
