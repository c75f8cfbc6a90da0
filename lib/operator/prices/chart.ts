import type { TypeInfo } from './catalog';
import { LOOKS, STYLE } from './chart-style';
import type { Stability } from './history';
import { priceFormat } from './price-format';
import type { Report } from './report';
import { linear, roundTicks, spread, timeTicks } from './scale';

const PAGE_MARGIN = 28;
/** Title and subtitle; the zones' keys come below. */
const HEADER = 80;
const KEY_WIDTH = 140;
const KEY_HEIGHT = 20;
const PANEL = { width: 470, height: 262, gap: 36 };
/** Where the lines are, inside a panel: room for its heading, both axes and the last prices. */
const PLOT = { left: 52, top: 50, right: PANEL.width - 72, bottom: PANEL.height - 46 };
const LABEL_GAP = 14;

interface Line {
  readonly zone: string;
  readonly look: number;
  readonly stability: Stability;
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);
const letter = (zone: string) => zone.slice(-1);
const place = (value: number) => Number(value.toFixed(1));
const text = (x: number, y: number, content: string, classes = '') =>
  `<text x="${place(x)}" y="${place(y)}"${classes && ` class="${classes}"`}>${escaped(content)}</text>`;
const segment = (x1: number, y1: number, x2: number, y2: number, classes: string) =>
  `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" class="${classes}"/>`;

// The price axis fits the type's own prices, but never so tightly that a small change looks like a cliff.
function priceTicks(lines: readonly Line[]): number[] {
  const min = Math.min(...lines.map(({ stability }) => stability.min));
  const max = Math.max(...lines.map(({ stability }) => stability.max));
  const span = Math.max(max - min, max * 0.1, 0.0004);
  const low = Math.max(0, (min + max) / 2 - span / 2);
  return roundTicks(low, low + span, 4);
}

function plot(type: string, lines: readonly Line[], { window }: Report): string[] {
  const ticks = priceTicks(lines);
  const [from, to] = [window.from.getTime(), window.to.getTime()];
  const x = linear([from, to], [PLOT.left, PLOT.right]);
  const y = linear([Math.min(...ticks), Math.max(...ticks)], [PLOT.bottom, PLOT.top]);
  const tickLabel = priceFormat(ticks);
  const usd = priceFormat(lines.flatMap(({ stability }) => [stability.min, stability.max, stability.price]));

  const grid = ticks.flatMap((tick) => [
    segment(PLOT.left, y(tick), PLOT.right, y(tick), 'grid'),
    text(PLOT.left - 8, y(tick) + 4, tickLabel(tick), 'end'),
  ]);
  const days = timeTicks(window.from, window.to, 7).flatMap(({ at, label }) => [
    segment(x(at), PLOT.bottom, x(at), PLOT.bottom + 4, 'axis'),
    text(x(at), PLOT.bottom + 18, label, 'middle'),
  ]);
  const steps = lines.map(({ zone, look, stability: { steps, min, max, changes } }) => {
    const path = steps.map(({ at, price }, index) => {
      const [across, up] = [place(x(at.getTime())), place(y(price))];
      return index === 0 ? `M${across} ${up}` : `H${across}V${up}`;
    });
    const about = `${type} in ${zone}: ${usd(min)} to ${usd(max)} USD per hour, changes: ${changes}`;
    return `<path d="${path.join('')}H${place(PLOT.right)}" class="line s${look}"><title>${escaped(about)}</title></path>`;
  });
  const last = spread(lines, ({ stability }) => y(stability.price), LABEL_GAP, PLOT.bottom).map(
    ({ item, place: end }) =>
      text(PLOT.right + 6, end + 4, `${letter(item.zone)} ${usd(item.stability.price)}`, `last f${item.look}`),
  );
  return [...grid, segment(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, 'axis'), ...days, ...steps, ...last];
}

function linesOf(type: TypeInfo, { rows, zones }: Report): Line[] {
  return zones.flatMap((zone, index) => {
    const row = rows.find((each) => each.zone === zone && each.instanceType === type.instanceType);
    return row?.stability ? [{ zone, look: index % LOOKS, stability: row.stability }] : [];
  });
}

function panel(type: TypeInfo, report: Report, left: number, top: number): string {
  const rows = report.rows.filter(({ instanceType }) => instanceType === type.instanceType);
  const onDemand = rows.find(({ onDemandPerHour }) => onDemandPerHour !== undefined)?.onDemandPerHour;
  const gaps = (['not offered', 'no spot price'] as const).map((status) => {
    const zones = rows.filter((row) => row.status === status).map(({ zone }) => letter(zone));
    return zones.length > 0 ? `${status} in ${zones.sort().join(', ')}` : '';
  });
  const about = [
    type.vcpu === undefined ? '' : `${type.vcpu} vCPU`,
    type.memoryGib === undefined ? '' : `${type.memoryGib} GiB`,
    type.architecture ?? '',
    onDemand === undefined ? '' : `on-demand ${priceFormat([onDemand])(onDemand)}`,
    ...gaps,
  ].filter((part) => part !== '');
  return [
    `<g transform="translate(${left} ${top})">`,
    text(0, 16, type.instanceType, 'name'),
    text(0, 34, about.join(' · '), 'about'),
    ...plot(type.instanceType, linesOf(type, report), report),
    '</g>',
  ].join('\n');
}

/**
 * The price history as an SVG document: a panel for each type that has one, in it a step line for each zone.
 * Written by hand: two linear scales and a step path are less than the packages that would draw them.
 */
export function drawChart(report: Report): string {
  const { region, zones, types, window } = report;
  const drawn = types.filter((type) => linesOf(type, report).length > 0);
  const missing = types.filter((type) => !drawn.includes(type)).map(({ instanceType }) => instanceType);
  const columns = drawn.length > 1 ? 2 : 1;
  const width = 2 * PAGE_MARGIN + columns * PANEL.width + (columns - 1) * PANEL.gap;
  const keysPerLine = Math.floor((width - 2 * PAGE_MARGIN) / KEY_WIDTH);
  const header = HEADER + Math.ceil(zones.length / keysPerLine) * KEY_HEIGHT;
  const height = header + Math.ceil(drawn.length / columns) * PANEL.height + (missing.length > 0 ? 40 : 12);

  const minute = (date: Date) => date.toISOString().slice(0, 16).replace('T', ' ');
  const title = `EC2 spot prices in ${region}`;
  const about = `Linux/UNIX, USD per hour, ${minute(window.from)} to ${minute(window.to)} UTC`;
  const keys = zones.flatMap((zone, index) => {
    const x = PAGE_MARGIN + (index % keysPerLine) * KEY_WIDTH;
    const y = HEADER - 6 + Math.floor(index / keysPerLine) * KEY_HEIGHT;
    return [segment(x, y - 4, x + 26, y - 4, `line s${index % LOOKS}`), text(x + 33, y, zone, 'about')];
  });
  const panels = drawn.map((type, index) =>
    panel(
      type,
      report,
      PAGE_MARGIN + (index % columns) * (PANEL.width + PANEL.gap),
      header + Math.floor(index / columns) * PANEL.height,
    ),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title about">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="about">${escaped(about)}</desc>`,
    `<style>\n${STYLE}\n</style>`,
    `<rect width="${width}" height="${height}" class="page"/>`,
    text(PAGE_MARGIN, 34, title, 'title'),
    text(PAGE_MARGIN, 54, about, 'about'),
    ...keys,
    ...panels,
    ...(missing.length > 0
      ? [text(PAGE_MARGIN, height - 18, `no spot price in ${region}: ${missing.join(', ')}`, 'about')]
      : []),
    '</svg>',
    '',
  ].join('\n');
}
