import { DecodeError } from "../errors/index.js";
import { define, type Schema } from "./schema.js";

/** A point in time: seconds since 1970 and nanoseconds 0..999999999. */
export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** 0001-01-01T00:00:00Z, Go's zero time, which is null on the wire. */
const ZERO: Timestamp = { seconds: -62135596800n, nanos: 0 };

/** As the reference reads it: an hour of one digit, a decimal comma and more digits than it keeps are good enough. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Days since 1970-01-01 of a civil date, in integers only. */
function daysFromCivil(year: bigint, month: bigint, day: bigint): bigint {
  const y = month <= 2n ? year - 1n : year;
  const era = (y >= 0n ? y : y - 399n) / 400n;
  const yoe = y - era * 400n;
  const doy = (153n * (month > 2n ? month - 3n : month + 9n) + 2n) / 5n + day - 1n;
  const doe = yoe * 365n + yoe / 4n - yoe / 100n + doy;
  return era * 146097n + doe - 719468n;
}

function civilFromDays(days: bigint): [year: bigint, month: bigint, day: bigint] {
  const z = days + 719468n;
  const era = (z >= 0n ? z : z - 146096n) / 146097n;
  const doe = z - era * 146097n;
  const yoe = (doe - doe / 1460n + doe / 36524n - doe / 146096n) / 365n;
  const doy = doe - (365n * yoe + yoe / 4n - yoe / 100n);
  const mp = (5n * doy + 2n) / 153n;
  const month = mp < 10n ? mp + 3n : mp - 9n;
  return [yoe + era * 400n + (month <= 2n ? 1n : 0n), month, doy - (153n * mp + 2n) / 5n + 1n];
}

/** Parses RFC 3339 text; throws DecodeError. */
export function timestampFromText(text: string): Timestamp {
  const m = RFC3339.exec(text);
  if (m === null) throw new DecodeError("expected an RFC 3339 time");
  const part = (i: number): bigint => BigInt(m[i] ?? "0");
  const [hour, minute, second] = [part(4), part(5), part(6)];
  if (part(2) < 1n || part(2) > 12n || part(3) < 1n || part(3) > 31n || hour > 23n || minute > 59n || second > 59n) {
    throw new DecodeError("time out of range");
  }
  const offset = (part(9) * 60n + part(10)) * (m[8] === "-" ? -60n : 60n);
  const days = daysFromCivil(part(1), part(2), part(3));
  if (civilFromDays(days)[2] !== part(3)) throw new DecodeError("time out of range");
  const seconds = days * 86400n + hour * 3600n + minute * 60n + second - offset;
  return { seconds, nanos: Number((m[7] ?? "").slice(0, 9).padEnd(9, "0")) };
}

/** RFC 3339 text in UTC with as many fraction digits as needed. */
export function timestampToText(time: Timestamp): string {
  const day = time.seconds >= 0n ? time.seconds / 86400n : -((86399n - time.seconds) / 86400n);
  const rest = time.seconds - day * 86400n;
  const [year, month, date] = civilFromDays(day);
  const two = (n: bigint): string => n.toString().padStart(2, "0");
  const fraction = time.nanos === 0 ? "" : `.${time.nanos.toString().padStart(9, "0").replace(/0+$/, "")}`;
  const clock = `${two(rest / 3600n)}:${two((rest / 60n) % 60n)}:${two(rest % 60n)}`;
  return `${year.toString().padStart(4, "0")}-${two(month)}-${two(date)}T${clock}${fraction}Z`;
}

/** Unix seconds on the wire (the fraction is dropped), RFC 3339 in JSON. */
export const time: Schema<Timestamp> = define<Timestamp>({
  typeName: "time",
  description: { kind: "time" },
  write(w, value) {
    if (value.seconds === ZERO.seconds && value.nanos === 0) w.null();
    else w.int(value.seconds);
  },
  readValue: (r) => ({ seconds: r.readInt(), nanos: 0 }),
  toJson: timestampToText,
  fromJson(json) {
    if (json === null) return ZERO;
    if (typeof json !== "string") throw new DecodeError("expected an RFC 3339 time");
    return timestampFromText(json);
  },
  zero: () => ZERO,
  isEmpty: () => false,
  equals: (a, b) => a.seconds === b.seconds && a.nanos === b.nanos,
});
