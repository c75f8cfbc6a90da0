const YEAR = 2026;
const DAY_MINUTES = 24 * 60;

/** A scheduled action of the group: a recurrence in cron's five fields, and how many machines there are from then on. */
export interface ScheduledSize {
  readonly recurrence: string;
  readonly machines: number;
}

/**
 * Part of a year in which the machine is there, 0 to 1; 1 without a schedule. Daylight saving time is not looked at: a
 * time zone moves the hours, and changes nothing of how many there are but by one or two in a year.
 */
export function runningShare(schedule: readonly ScheduledSize[]): number {
  const events = schedule
    .flatMap(({ recurrence, machines }) => minutesOf(recurrence).map((minute) => ({ minute, machines })))
    .sort((a, b) => a.minute - b.minute);
  const [first] = events;
  const last = events.at(-1);
  if (!first || !last) return 1;
  const year = (Date.UTC(YEAR + 1, 0) - Date.UTC(YEAR, 0)) / 60_000;
  // Until the first event of the year there is what the last one of the year before has made.
  const lengths = events.map(({ minute }, index) => (events[index + 1]?.minute ?? year + first.minute) - minute);
  return events.reduce((sum, { machines }, index) => sum + machines * (lengths[index] ?? 0), 0) / year;
}

/** Minutes of the year at which a recurrence comes. */
function minutesOf(recurrence: string): number[] {
  const [minute = '*', hour = '*', date = '*', month = '*', weekday = '*'] = recurrence.split(' ');
  const ofDay = within(hour, 0, 23).flatMap((h) => within(minute, 0, 59).map((m) => h * 60 + m));
  const [dates, months, weekdays] = [within(date, 1, 31), within(month, 1, 12), within(weekday, 0, 6)];
  const found: number[] = [];
  for (let day = 0; ; day++) {
    const at = new Date(Date.UTC(YEAR, 0, 1 + day));
    if (at.getUTCFullYear() !== YEAR) return found;
    const [byDate, byWeekday] = [dates.includes(at.getUTCDate()), weekdays.includes(at.getUTCDay())];
    // Of cron: where both are given, either will do.
    const comes = date === '*' || weekday === '*' ? byDate && byWeekday : byDate || byWeekday;
    if (comes && months.includes(at.getUTCMonth() + 1)) found.push(...ofDay.map((one) => day * DAY_MINUTES + one));
  }
}

/** Values of one field, such as `1-5` or `*` with a step. */
function within(field: string, min: number, max: number): number[] {
  const parts = field.split(',').map((part) => {
    const [range = '', step = '1'] = part.split('/');
    const [from = min, to = from] = range === '*' ? [min, max] : range.split('-').map(Number);
    return { from, to, step: Number(step) };
  });
  return Array.from({ length: max - min + 1 }, (_, index) => min + index).filter((value) =>
    parts.some(({ from, to, step }) => value >= from && value <= to && (value - from) % step === 0),
  );
}
