import { priceFormat } from './price-format';
import type { Report, Row } from './report';

interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
  readonly text: (row: Row) => string;
}

const left = (heading: string, text: Column['text']): Column => ({ heading, align: 'left', text });
const right = (heading: string, text: Column['text']): Column => ({ heading, align: 'right', text });

// Known of every pair, also of one that has no price.
const ABOUT: Column[] = [
  left('ZONE', ({ zone }) => zone),
  left('TYPE', ({ instanceType }) => instanceType),
  left('ARCH', ({ architecture }) => architecture ?? '-'),
  right('VCPU', ({ vcpu }) => `${vcpu ?? '-'}`),
  right('GIB', ({ memoryGib }) => `${memoryGib ?? '-'}`),
];

function priceColumns({ rows, days }: Report): Column[] {
  const usd = priceFormat(
    rows.flatMap(({ stability, onDemandPerHour }) => [stability?.min, stability?.max, onDemandPerHour]),
  );
  return [
    right('USD/HOUR', ({ pricePerHour }) => usd(pricePerHour)),
    right('USD/MONTH', ({ pricePerMonth }) => pricePerMonth?.toFixed(2) ?? '-'),
    right('ON-DEMAND', ({ onDemandPerHour }) => usd(onDemandPerHour)),
    right('SAVING', ({ savingPercent }) => (savingPercent === undefined ? '-' : `${savingPercent.toFixed(0)}%`)),
    left(`${days}-DAY RANGE`, ({ stability: { min, max } = {} }) =>
      min === max ? usd(min) : `${usd(min)}–${usd(max)}`,
    ),
    right('CHANGES', ({ stability }) => `${stability?.changes ?? '-'}`),
    left('SINCE (UTC)', ({ stability }) => stability?.since.toISOString().slice(0, 16).replace('T', ' ') ?? '-'),
  ];
}

/** The report for people: aligned columns, the cheapest first; a pair without a price says why in place of the numbers. */
export function toTable(report: Report): string {
  const { rows } = report;
  const columns = [
    ...ABOUT,
    ...priceColumns(report).map((column): Column => ({
      ...column,
      text: (row) => (row.stability ? column.text(row) : ''),
    })),
  ].map(({ heading, align, text }) => {
    const texts = [heading, ...rows.map(text)];
    const width = Math.max(...texts.map(({ length }) => length));
    return texts.map((each) => (align === 'left' ? each.padEnd(width) : each.padStart(width)));
  });
  const line = (index: number) =>
    columns
      .map((texts) => texts[index])
      .join('  ')
      .trimEnd();
  const priced = rows.map((row, index) => line(index + 1) + (row.stability ? '' : `  ${row.status}`));
  return [line(0), ...priced].map((each) => `${each}\n`).join('');
}
