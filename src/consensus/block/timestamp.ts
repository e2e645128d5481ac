import { DecodeError } from "#common/errors/index.js";
import { int32, int64 } from "./proto/fields.js";
import { message, type ProtoType, protoType } from "./proto/message.js";

/** A point in time as CometBFT signs and hashes it: seconds since 1970 and 0 to 999,999,999 nanoseconds. */
export interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

const NANOS_PER_SECOND = 1_000_000_000n;
const MIN_SECONDS = -62_135_596_800n; // 0001-01-01
const MAX_SECONDS = 253_402_300_800n; // 10000-01-01, exclusive

/** Go's zero time (year 1). A time field that is missing on the wire means this, and absent votes carry it. */
export const ZERO_TIME: Timestamp = { seconds: MIN_SECONDS, nanos: 0 };

const fields: ProtoType<Timestamp> = message<Timestamp>("Timestamp", { seconds: int64(1), nanos: int32(2) });

/** google.protobuf.Timestamp; decoding refuses what does not lie in years 1 to 9999. */
export const Timestamp: ProtoType<Timestamp> = protoType<Timestamp>("Timestamp", {
  zero: fields.zero,
  write: fields.write,
  read(reader) {
    const value = fields.read(reader);
    if (value.seconds < MIN_SECONDS || value.seconds >= MAX_SECONDS) throw new DecodeError("seconds out of range");
    if (value.nanos < 0 || value.nanos >= 1_000_000_000) throw new DecodeError("nanoseconds out of range");
    return value;
  },
});

/** google.protobuf.Duration as nanoseconds. */
export const Duration: ProtoType<bigint> = protoType<bigint>("Duration", {
  zero: () => 0n,
  // The two parts have the same sign, which bigint division and remainder give by themselves.
  write(writer, nanoseconds) {
    fields.write(writer, {
      seconds: nanoseconds / NANOS_PER_SECOND,
      nanos: Number(nanoseconds % NANOS_PER_SECOND),
    });
  },
  read(reader) {
    const { seconds, nanos } = fields.read(reader);
    if (nanos <= -1_000_000_000 || nanos >= 1_000_000_000) throw new DecodeError("nanoseconds out of range");
    const total = seconds * NANOS_PER_SECOND + BigInt(nanos);
    if (BigInt.asIntN(64, total) !== total) throw new DecodeError("duration out of range");
    return total;
  },
});

/** Nanoseconds since 1970. */
export function timestampToNanos(time: Timestamp): bigint {
  return time.seconds * NANOS_PER_SECOND + BigInt(time.nanos);
}

/** The time that lies `nanoseconds` after 1970; negative values are times before. */
export function timestampFromNanos(nanoseconds: bigint): Timestamp {
  const remainder = nanoseconds % NANOS_PER_SECOND;
  const nanos = remainder < 0n ? remainder + NANOS_PER_SECOND : remainder;
  return { seconds: (nanoseconds - nanos) / NANOS_PER_SECOND, nanos: Number(nanos) };
}

/** Negative when `a` is earlier, positive when it is later, 0 when both are the same instant. */
export function compareTimestamps(a: Timestamp, b: Timestamp): number {
  if (a.seconds !== b.seconds) return a.seconds < b.seconds ? -1 : 1;
  return a.nanos - b.nanos;
}
