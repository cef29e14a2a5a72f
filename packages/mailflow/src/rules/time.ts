// Days and times of day in a time zone. A span that ends before it begins goes over midnight, and belongs to the day on
// which it begins. Pure; throws nothing for a zone that the settings have checked.

import { DAYS, type RuleConditions } from "./settings.ts";

type Span = NonNullable<RuleConditions["time"]>;

/** A test of a moment, in milliseconds of the wall clock. */
export function timeTest({ days, from, to, zone }: Span): (now: number) => boolean {
  const format = new Intl.DateTimeFormat("en", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const onDay = (day: number): boolean => days.length === 0 || days.includes(DAYS[(day + 7) % 7]!);
  return (now) => {
    const { day, minute } = localTime(format, now);
    if (from < to) return onDay(day) && minute >= from && minute < to;
    return (minute >= from && onDay(day)) || (minute < to && onDay(day - 1));
  };
}

function localTime(format: Intl.DateTimeFormat, now: number): { readonly day: number; readonly minute: number } {
  const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return {
    day: DAYS.findIndex((name) => name === parts["weekday"]?.toLowerCase()),
    minute: Number(parts["hour"]) * 60 + Number(parts["minute"]),
  };
}
