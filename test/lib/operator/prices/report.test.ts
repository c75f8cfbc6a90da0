import { makeReport, type Report } from '../../../../lib/operator/prices/report';
import { Failure } from '../../../../lib/operator/errors';
import { awsError, NOW, RecordedAws, REGION } from './support/recorded-aws';

const ask = (aws: RecordedAws, instanceTypes: string[], region = REGION): Promise<Report> =>
  makeReport(aws, { region, instanceTypes, days: 7, now: NOW });

const pair = ({ rows }: Report, letter: string, type: string) =>
  rows.find(({ zone, instanceType }) => zone === `${REGION}${letter}` && instanceType === type);

describe('the report on recorded answers', () => {
  const aws = new RecordedAws();
  let report: Report;
  beforeAll(async () => {
    report = await ask(aws, ['t4g.small', 't4g.medium', 'm7g.medium', 'm7g.large', 'c7g.medium']);
  });

  test('has each type in each zone once', () => {
    expect(new Set(report.rows.map(({ zone, instanceType }) => `${zone} ${instanceType}`)).size).toBe(15);
    expect(report.rows).toHaveLength(15);
  });

  test('gives price, month of 730 hours, saving and stability', () => {
    const row = pair(report, 'a', 't4g.small');
    expect(row).toMatchObject({
      architecture: 'arm64',
      vcpu: 2,
      memoryGib: 2,
      status: 'offered',
      pricePerHour: 0.0066,
      onDemandPerHour: 0.0203,
    });
    expect(row?.pricePerMonth).toBeCloseTo(4.818, 6);
    expect(row?.savingPercent).toBeCloseTo(67.488, 3);
    expect(row?.stability).toMatchObject({ min: 0.0066, max: 0.0069, changes: 3 });
  });

  test('counts no change for a price that stayed all week', () => {
    expect(pair(report, 'b', 't4g.small')?.stability).toMatchObject({ min: 0.0071, max: 0.0071, changes: 0 });
  });

  test('counts no change where EC2 repeats a price', () => {
    expect(pair(report, 'a', 't4g.medium')?.stability).toMatchObject({
      price: 0.0141,
      changes: 6,
      since: new Date('2026-11-21T15:34:11Z'),
    });
  });

  test('lets the offerings decide, although an old price is still in the history', () => {
    expect(pair(report, 'c', 't4g.small')).toMatchObject({ status: 'not offered' });
    expect(pair(report, 'c', 't4g.small')).not.toHaveProperty('pricePerHour');
  });

  test('tells an offer without a spot price from no offer', () => {
    expect(pair(report, 'c', 'm7g.large')).toMatchObject({ status: 'no spot price' });
    expect(pair(report, 'b', 'm7g.medium')).toMatchObject({ status: 'not offered' });
  });

  test('shows a type that only other regions have as not offered, with its size', () => {
    expect(pair(report, 'a', 'c7g.medium')).toMatchObject({ status: 'not offered', vcpu: 1, memoryGib: 2 });
    expect(report.notes).toContain('not offered in any zone of me-central-1: c7g.medium');
  });

  test('is sorted by price, pairs without one last', () => {
    const prices = report.rows.map(({ pricePerHour }) => pricePerHour ?? Infinity);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
    expect(prices.slice(-6).every((price) => price === Infinity)).toBe(true);
  });

  test('reads all pages of the history, for Linux, over the window', () => {
    const asked = aws.asked.filter(({ action }) => action === 'ec2:DescribeSpotPriceHistory').map(({ input }) => input);
    expect(asked.map(({ NextToken }) => NextToken)).toEqual([undefined, 'eyJwYWdlIjogMn0']);
    expect(asked[1]).toMatchObject({
      InstanceTypes: ['t4g.small', 't4g.medium', 'm7g.medium', 'm7g.large'],
      ProductDescriptions: ['Linux/UNIX'],
      StartTime: new Date('2026-11-16T20:00:00Z'),
      EndTime: NOW,
    });
  });

  test('asks the Pricing API where it is, only about types that are offered', () => {
    const asked = aws.asked.filter(({ action }) => action === 'pricing:GetProducts');
    expect(asked).toHaveLength(4);
    expect(new Set(asked.map(({ region }) => region))).toEqual(new Set(['us-east-1']));
  });

  test('says which on-demand price the price list does not have', () => {
    expect(pair(report, 'a', 'm7g.large')?.onDemandPerHour).toBeUndefined();
    expect(report.notes).toContain('on-demand price of m7g.large in me-central-1 unknown: the price list has none');
  });
});

describe('a gap in what AWS tells', () => {
  test('a denied Pricing API costs the savings alone', async () => {
    const denied = awsError(
      'AccessDeniedException',
      'User: arn:aws:iam::123456789012:user/ada is not authorized to perform: pricing:GetProducts because no identity-based policy allows the pricing:GetProducts action',
    );
    const report = await ask(new RecordedAws({ 'pricing:GetProducts': denied }), ['t4g.small', 't4g.medium']);
    expect(pair(report, 'a', 't4g.small')).toMatchObject({ pricePerHour: 0.0066, savingPercent: undefined });
    expect(report.notes).toEqual([
      'on-demand prices unknown: not allowed: pricing:GetProducts in us-east-1 as arn:aws:iam::123456789012:user/ada (no identity-based policy allows the pricing:GetProducts action); allow this action to the user or role',
    ]);
  });

  test('an unknown type fails with what was meant', async () => {
    const failure = ask(new RecordedAws(), ['t4g.smal', 'm7g.lagre', 'zzz.medium']);
    await expect(failure).rejects.toThrow(Failure);
    await expect(failure).rejects.toMatchObject({
      lines: [
        "unknown instance type 't4g.smal' (not in me-central-1 or us-east-1): did you mean t4g.small?",
        "unknown instance type 'm7g.lagre' (not in me-central-1 or us-east-1): did you mean m7g.large?",
        "unknown instance type 'zzz.medium' (not in me-central-1 or us-east-1)",
      ],
    });
  });

  test('where the home region may not be asked, an absent type is not offered and the doubt is said', async () => {
    const denied = awsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
    const report = await ask(new RecordedAws({ 'ec2:DescribeInstanceTypes@us-east-1': denied }), [
      't4g.small',
      'c7g.medium',
    ]);
    expect(pair(report, 'a', 'c7g.medium')).toEqual({
      zone: 'me-central-1a',
      instanceType: 'c7g.medium',
      status: 'not offered',
      onDemandPerHour: undefined,
    });
    expect(report.notes[0]).toBe(
      'c7g.medium: not in me-central-1; whether the name is right is not known: not allowed: ec2:DescribeInstanceTypes in us-east-1; allow this action to the user or role',
    );
  });

  test('asks for no history when nothing is offered', async () => {
    const aws = new RecordedAws();
    await ask(aws, ['c7g.medium']);
    expect(aws.asked.map(({ action }) => action)).not.toContain('ec2:DescribeSpotPriceHistory');
  });
});
