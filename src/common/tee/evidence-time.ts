/** Points in time as evidence states them. */
import { DecodeError } from "../errors/index.js";
import { type Timestamp, timestampFromText, timestampToText } from "../schema/index.js";
import { DER_GENERALIZED_TIME, DER_UTC_TIME, type DerReader } from "./der.js";
import { latin1 } from "./pem-blocks.js";

const DATE_AND_TIME = /^(\d{4}-\d\d-\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d+))?(Z?)$/;
const CERTIFICATE_TIME = /^(\d{2,4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
/** Two-digit years from here on belong to the twentieth century. */
const FIRST_OLD_YEAR = 50;

/** Reads "2024-09-02" and "07:25:12"; the day must exist. */
function timestamp(date: string, clock: string): Timestamp {
  const parsed = timestampFromText(`${date}T${clock}Z`);
  if (!timestampToText(parsed).startsWith(date)) throw new DecodeError("time out of range");
  return parsed;
}

/**
 * Reads a date and time as Go's `time.Parse` does with the layouts of collateral ("Z" at the end) and of reports (no
 * zone): an hour may have one digit, a fraction any number of digits after a point or a comma.
 * @throws DecodeError
 */
export function parseEvidenceTime(text: string, zone: "Z" | ""): Timestamp {
  const m = DATE_AND_TIME.exec(text);
  if (m === null || m[6] !== zone) throw new DecodeError("malformed date and time");
  const [, date = "", hour = "", minute, second, fraction = ""] = m;
  const { seconds } = timestamp(date, `${hour.padStart(2, "0")}:${minute}:${second}`);
  return { seconds, nanos: Number(fraction.slice(0, 9).padEnd(9, "0")) };
}

/**
 * Reads a UTCTime (two-digit year) or a GeneralizedTime (four digits), both to the second and in UTC.
 * @throws DecodeError
 */
export function parseCertificateTime(text: string, yearDigits: 2 | 4): Timestamp {
  const m = CERTIFICATE_TIME.exec(text);
  if (m === null || m[1]?.length !== yearDigits) throw new DecodeError("malformed time in a certificate");
  const [, year = "", month, day, hour, minute, second] = m;
  const century = yearDigits === 4 ? "" : Number(year) < FIRST_OLD_YEAR ? "20" : "19";
  return timestamp(`${century}${year}-${month}-${day}`, `${hour}:${minute}:${second}`);
}

/**
 * Reads the next element, a UTCTime or a GeneralizedTime.
 * @throws DecodeError
 */
export function readCertificateTime(reader: DerReader): Timestamp {
  const short = reader.readOptional(DER_UTC_TIME);
  if (short !== undefined) return parseCertificateTime(latin1(short), 2);
  return parseCertificateTime(latin1(reader.read(DER_GENERALIZED_TIME)), 4);
}

/** Whether one point in time is before another. */
export function isBefore(a: Timestamp, b: Timestamp): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);
}
