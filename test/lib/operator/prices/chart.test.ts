import { drawChart } from '../../../../lib/operator/prices/chart';
import { makeReport, type Report } from '../../../../lib/operator/prices/report';
import { NOW, RecordedAws, REGION } from './support/recorded-aws';

const report = (...instanceTypes: string[]): Promise<Report> =>
  makeReport(new RecordedAws(), { region: REGION, instanceTypes, days: 7, now: NOW });
const count = (svg: string, pattern: RegExp) => (svg.match(pattern) ?? []).length;

describe('the chart', () => {
  test('has a panel for each type with a price and a step line for each zone that has one', async () => {
    const svg = drawChart(await report('t4g.small', 'm7g.large', 'c7g.medium'));
    expect(count(svg, /<g /g)).toBe(2);
    expect(count(svg, /<path /g)).toBe(4);
    expect(svg).toContain('2 vCPU · 2 GiB · arm64 · on-demand 0.0203 · not offered in c');
    expect(svg).toContain('no spot price in me-central-1: c7g.medium');
  });

  test('draws prices as steps: across at the old price, then up or down, to the right edge', async () => {
    const { window, ...rest } = await report('t4g.small');
    const [row] = rest.rows;
    const steps = [
      { at: window.from, price: 0.01 },
      { at: new Date((window.from.getTime() + window.to.getTime()) / 2), price: 0.02 },
    ];
    const stability = { price: 0.02, since: window.to, min: 0.01, max: 0.02, changes: 1, steps };
    const svg = drawChart({ ...rest, window, rows: row ? [{ ...row, stability }] : [] });
    const [, left, bottom, middle, top, right] = (
      /d="M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)H([\d.]+)"/.exec(svg) ?? []
    ).map(Number);
    expect((Number(left) + Number(right)) / 2).toBe(middle);
    expect(Number(top)).toBeLessThan(Number(bottom));
  });

  test('labels each line with its zone and last price, apart even where prices are equal', async () => {
    const svg = drawChart(await report('t4g.medium'));
    const labels = [...svg.matchAll(/y="([\d.]+)" class="last f\d">(\w [\d.]+)</g)].map(([, y, label]) => ({
      y: Number(y),
      label,
    }));
    expect(labels.map(({ label }) => label).sort()).toEqual(['a 0.0141', 'b 0.0141', 'c 0.0115']);
    const heights = labels.map(({ y }) => y).sort((a, b) => a - b);
    expect(Math.min(...heights.slice(1).map((y, index) => y - (heights[index] ?? 0)))).toBeGreaterThanOrEqual(14);
  });

  test('has colours for light and dark and a description for who cannot see it', async () => {
    const svg = drawChart(await report('t4g.small'));
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).toContain('<title id="title">EC2 spot prices in me-central-1</title>');
    expect(svg).toContain('<title>t4g.small in me-central-1a: 0.0066 to 0.0069 USD per hour, changes: 3</title>');
  });

  test('shows nothing of a name that could be markup', async () => {
    const made = await report('t4g.small');
    expect(drawChart({ ...made, region: '<b>&"' })).toContain('EC2 spot prices in &#60;b&#62;&#38;&#34;');
  });
});
