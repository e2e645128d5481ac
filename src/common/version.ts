import { DecodeError } from "./errors/index.js";
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

/** The reverse of `versionToU64`; bits above the three parts are dropped. */
export function versionFromU64(value: bigint): Version {
  const part = (shift: bigint): number => Number((value >> shift) & 0xffffn);
  return { major: part(32n), minor: part(16n), patch: part(0n) };
}

/**
 * Reads `major[.minor[.patch]]`. What follows a space, `-`, `+`, `rc`, `alpha` or `beta`, and a fourth part, is dropped.
 *
 * @throws DecodeError when a part is no number up to 65535
 */
export function versionFromText(text: string): Version {
  const kept = text.split(/ |-|\+|rc|alpha|beta/, 1)[0] ?? "";
  const [major, minor, patch] = kept.split(".", 3).map((part) => {
    if (!/^\d+$/.test(part) || BigInt(part) > 65535n) throw new DecodeError("expected a version like 1.2.3");
    return Number(BigInt(part));
  });
  return { major: major ?? 0, minor: minor ?? 0, patch: patch ?? 0 };
}

/** Protocols understand each other when their major versions agree. */
export function isCompatible(a: Version, b: Version): boolean {
  return a.major === b.major;
}
