/** One time at which the machine is to come or to go, again and again. */
export interface ScheduledTime {
  readonly action: 'stop' | 'start';
  /** Five fields of cron: minute, hour, day of the month, month, day of the week (0 is Sunday). */
  readonly recurrence: string;
}

/** Least and greatest value of each field. */
const FIELDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;

/**
 * Reads `stop 0 23 * * *, start 0 7 * * *`: each of both at least once, no two at the same time.
 * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/scheduled-scaling-recurring-schedules.html
 * @returns undefined where the text is no such list
 */
export function parseSchedule(text: string): ScheduledTime[] | undefined {
  const times: ScheduledTime[] = [];
  // A list inside a field has commas too.
  for (const part of text.split(/,(?=\s*[a-z])/)) {
    const [action, ...fields] = part.trim().split(/\s+/);
    if (action !== 'stop' && action !== 'start') return undefined;
    if (fields.length !== FIELDS.length || !fields.every(isField)) return undefined;
    times.push({ action, recurrence: fields.join(' ') });
  }
  const distinct = new Set(times.map(({ recurrence }) => recurrence)).size === times.length;
  const both = new Set(times.map(({ action }) => action)).size === 2;
  return distinct && both ? times : undefined;
}

/** `*`, `7`, `1-5`, `1,3,5`, and with steps `*` or a range: `0-20/5`. */
function isField(text: string, index: number): boolean {
  const [min, max] = FIELDS[index] ?? [0, 0];
  return text.split(',').every((part) => {
    const [, range = '', step = '1'] = /^(\*|\d{1,2}(?:-\d{1,2})?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (range === '*') return part === '*' || inside(Number(step), 1, max);
    if (range === '' || (part.includes('/') && !range.includes('-'))) return false;
    const [from = -1, to = from] = range.split('-').map(Number);
    return inside(from, min, max) && inside(to, from, max) && inside(Number(step), 1, max);
  });
}

const inside = (value: number, min: number, max: number) => value >= min && value <= max;

/** Whether a text is a time zone's name in the IANA database; abbreviations and offsets are none. */
export function isTimeZone(text: string): boolean {
  if (!/^(?:UTC|[A-Z][A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+)$/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
