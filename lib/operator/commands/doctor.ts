import type { Context } from '../context';
import { Deployment } from '../deployment';
import { examine, type Row } from '../doctor';
import { EXIT } from '../errors';
import { configOf, SettingsError, settingsOf } from '../settings';
import { table } from '../terminal/text';
import { collect, command, type Definition } from './definition';

const doctor: Definition = {
  command: command(
    {
      usage: 'doctor',
      summary: 'look, before a deploy, whether all is there that it needs',
      description:
        'Looks, before a deploy, whether all is there that it needs: settings, credentials, region, zone and type, vCPU ' +
        'quota, CDK bootstrap, state bucket, Session Manager plugin. Each row is ok, a warning or a fault, with what to type.',
      examples: ['doctor --az me-central-1a', 'doctor --az me-central-1a -c instanceType=t4g.medium --json'],
      exits: ['1, too, where a row is a fault'],
    },
    (made) =>
      made.option(
        '-c, --context <key=value>',
        'a setting, as in `cdk deploy -c`; can be given more than once',
        collect,
      ),
  ),
  work: async (context) => {
    const rows = await look(context);
    const text = table([['CHECK', 'RESULT', 'FINDING'], ...rows.flatMap(lines)]);
    context.show(text, rows);
    return rows.some(({ result }) => result === 'fault') ? EXIT.failed : EXIT.done;
  },
};

const lines = ({ check, result, finding, help }: Row): string[][] => [
  [check, result, finding],
  ...(help === undefined ? [] : [['', '', `  ${help}`]]),
];

async function look(context: Context): Promise<Row[]> {
  try {
    const settings = configOf(context, settingsOf(context));
    const { region, stack, availabilityZone, instanceType, market, backup, image, given } = settings;
    const deployment = new Deployment(stack, region, availabilityZone);
    const plan = { deployment, instanceType: instanceType.toString(), market, backsUp: backup !== 'off', given };
    const found = await examine(plan, context.world);
    const finding = `${stack} in ${availabilityZone}: ${instanceType.toString()}, ${market}, ${image.reference}`;
    return [{ check: 'settings', result: 'ok', finding }, ...found];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.faults.map((finding) => ({ check: 'settings', result: 'fault', finding }));
  }
}

export const DOCTOR_COMMANDS: readonly Definition[] = [doctor];
