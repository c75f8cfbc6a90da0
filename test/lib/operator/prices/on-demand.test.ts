import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pricing } from '@aws-sdk/client-pricing';
import { readOnDemandPrices } from '../../../../lib/operator/prices/on-demand';
import { endpoint } from '../support/local-servers';
import { RecordedAws, REGION } from './support/recorded-aws';

test('reads a recorded price list through the SDK', async () => {
  const body = readFileSync(join(__dirname, 'recorded', 'get-products.us-east-1.json'), 'utf8');
  const { url, server } = await endpoint(() => ({ status: 200, body }));
  const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
  const pricing = new Pricing({ region: 'us-east-1', endpoint: url, credentials });
  const recorded = new RecordedAws();
  const { prices, notes } = await readOnDemandPrices(
    { ec2: (region) => recorded.ec2(region), pricing: () => pricing },
    REGION,
    ['t4g.small'],
  );
  pricing.destroy();
  server.close();
  expect([prices.get('t4g.small'), notes]).toEqual([0.0203, []]);
});

test('asks for Linux on shared hardware, without extras, in the region', async () => {
  const aws = new RecordedAws();
  await readOnDemandPrices(aws, REGION, ['m7g.medium']);
  expect(aws.asked.map(({ input }) => input)).toEqual([
    {
      ServiceCode: 'AmazonEC2',
      Filters: [
        { Type: 'TERM_MATCH', Field: 'instanceType', Value: 'm7g.medium' },
        { Type: 'TERM_MATCH', Field: 'regionCode', Value: 'me-central-1' },
        { Type: 'TERM_MATCH', Field: 'operatingSystem', Value: 'Linux' },
        { Type: 'TERM_MATCH', Field: 'tenancy', Value: 'Shared' },
        { Type: 'TERM_MATCH', Field: 'preInstalledSw', Value: 'NA' },
        { Type: 'TERM_MATCH', Field: 'capacitystatus', Value: 'Used' },
      ],
      NextToken: undefined,
    },
  ]);
});
