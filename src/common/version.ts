import { omitEmpty, struct, u16 } from "./schema/index.js";

/** A protocol or software version; parts that are zero are left out on the wire. */
export class Version extends struct("Version", {
  major: omitEmpty(u16),
  minor: omitEmpty(u16),
  patch: omitEmpty(u16),
}) {}

/** Versions of the protocols that this implementation speaks (release v26.1). */
export const CONSENSUS_PROTOCOL: Version = { major: 7, minor: 0, patch: 0 };
export const RUNTIME_HOST_PROTOCOL: Version = { major: 5, minor: 1, patch: 0 };
export const RUNTIME_COMMITTEE_PROTOCOL: Version = { major: 5, minor: 0, patch: 0 };

/** major << 32 | minor << 16 | patch. */
export function versionToU64(v: Version): bigint {
  return (BigInt(v.major) << 32n) | (BigInt(v.minor) << 16n) | BigInt(v.patch);
}

/** Less, equal or greater than zero. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Text form `major.minor.patch`. */
export function versionToText(v: Version): string {
  return `${v.major}.${v.minor}.${v.patch}`;
}
