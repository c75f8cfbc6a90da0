import { table } from '../terminal/text';
import type { Report } from './report';

const usd = (value: number | undefined) => (value === undefined ? '?' : value.toFixed(2)).padStart(6);

/** An amount with as many digits as tell something: 0.053, 15, 56,211. */
const amount = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));

/** The report for people; each row's price has a number, by which who says it stands below. */
export function toTable(report: Report): string {
  const { rows, bare, around, total, savings } = report;
  const sources = [...new Set(rows.map(({ source }) => source))];
  const ordered = [...rows.filter((row) => row.bare), ...rows.filter((row) => !row.bare)];
  const parts = table([
    ['PART', ' USD/MONTH', 'AMOUNT', 'AMOUNT BY', 'PRICE BY'],
    ...ordered.map(({ part, usd: cost, basis, source, ...row }) => [
      part,
      usd(cost),
      `${amount(row.amount)} ${row.unit}`,
      basis,
      `[${sources.indexOf(source) + 1}]`,
    ]),
    ['the machine alone', usd(bare), '', 'instance, disk, address', ''],
    ['what stands around it', usd(around), '', '', ''],
    ['in all', usd(total), '', 'without any free tier', ''],
  ]);
  const changes = [
    ['WITH', ' USD/MONTH LESS'],
    ...savings.map(({ setting, usd: less }) => [`-c ${setting}`, usd(less)]),
  ];
  const said = sources.map((source, index) => `[${index + 1}] ${source}\n`).join('');
  return [parts, ...(savings.length > 0 ? [table(changes)] : []), said].join('\n');
}
