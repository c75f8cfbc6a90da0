import type { Report, Row } from './report';

type Value = string | number | undefined;

// One list for json and csv. Prices are rounded to the six decimals EC2 itself gives.
const COLUMNS: Record<string, (row: Row, report: Report) => Value> = {
  region: (_, { region }) => region,
  zone: ({ zone }) => zone,
  instance_type: ({ instanceType }) => instanceType,
  architecture: ({ architecture }) => architecture,
  vcpu: ({ vcpu }) => vcpu,
  memory_gib: ({ memoryGib }) => memoryGib,
  status: ({ status }) => status,
  price_usd_per_hour: ({ pricePerHour }) => rounded(pricePerHour, 6),
  price_usd_per_month: ({ pricePerMonth }) => rounded(pricePerMonth, 6),
  on_demand_usd_per_hour: ({ onDemandPerHour }) => rounded(onDemandPerHour, 6),
  saving_percent: ({ savingPercent }) => rounded(savingPercent, 1),
  min_usd_per_hour: ({ stability }) => rounded(stability?.min, 6),
  max_usd_per_hour: ({ stability }) => rounded(stability?.max, 6),
  changes: ({ stability }) => stability?.changes,
  price_since: ({ stability }) => stability?.since.toISOString(),
  window_start: (_, { window }) => window.from.toISOString(),
  window_end: (_, { window }) => window.to.toISOString(),
};

function rounded(value: number | undefined, digits: number): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(digits));
}

/** An array of flat objects; what is not known is null. */
export function toJson(report: Report): string {
  const objects = report.rows.map((row) =>
    Object.fromEntries(Object.entries(COLUMNS).map(([key, value]) => [key, value(row, report) ?? null])),
  );
  return `${JSON.stringify(objects, undefined, 2)}\n`;
}

/** RFC 4180 with a header; what is not known is empty. */
export function toCsv(report: Report): string {
  const cell = (value: Value) => {
    const text = String(value ?? '');
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = report.rows.map((row) => Object.values(COLUMNS).map((value) => cell(value(row, report))));
  return [Object.keys(COLUMNS), ...lines].map((cells) => `${cells.join(',')}\n`).join('');
}
