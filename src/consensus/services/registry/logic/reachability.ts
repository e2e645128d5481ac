/** Which network addresses a node may announce (registry: RegisterNode, IP rule). */
import { ipv4Of } from "#common/ip-address.js";

/** A block of addresses: leading bytes and how many bits of them count. */
type Range = readonly [prefix: readonly number[], bits: number];

const LOOPBACK_4: Range = [[127], 8];
const LINK_LOCAL_4: Range = [[169, 254], 16];
const UNSPECIFIED_4: Range = [[0, 0, 0, 0], 32];
const BROADCAST_4: Range = [[255, 255, 255, 255], 32];
const MULTICAST_4: Range = [[224], 4];

/** Special-purpose blocks of the IANA registry for IPv4. */
const RESERVED_4: readonly Range[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  LOOPBACK_4,
  LINK_LOCAL_4,
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[240], 4],
];

const UNSPECIFIED_6: Range = [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 128];
const LOOPBACK_6: Range = [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128];
const LINK_LOCAL_6: Range = [[0xfe, 0x80], 10];
const MULTICAST_6: Range = [[0xff], 8];

/** Special-purpose blocks of the IANA registry for IPv6. */
const RESERVED_6: readonly Range[] = [
  UNSPECIFIED_6,
  LOOPBACK_6,
  [[0x00, 0x64, 0xff, 0x9b, 0x00, 0x01], 48],
  [[0x01, 0, 0, 0, 0, 0, 0, 0], 64],
  [[0x20, 0x01, 0x00], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0xfc], 7],
  LINK_LOCAL_6,
];

const V4_SIZE = 4;
const V6_SIZE = 16;

function contains([prefix, bits]: Range, ip: Uint8Array): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const at = bit >> 3;
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if ((((prefix[at] as number) ^ (ip[at] as number)) & mask) !== 0) return false;
  }
  return true;
}

/** Whether the address (4 or 16 bytes) is an ordinary unicast one; private ones are. */
export function isGlobalUnicast(address: Uint8Array): boolean {
  const ip = ipv4Of(address) ?? address;
  if (ip.length === V4_SIZE) {
    return ![BROADCAST_4, UNSPECIFIED_4, LOOPBACK_4, MULTICAST_4, LINK_LOCAL_4].some((range) => contains(range, ip));
  }
  if (ip.length !== V6_SIZE) return false;
  return ![UNSPECIFIED_6, LOOPBACK_6, MULTICAST_6, LINK_LOCAL_6].some((range) => contains(range, ip));
}

/** Whether the address lies in no block that is reserved for special purposes. */
export function isProbablyReachable(address: Uint8Array): boolean {
  const ip = ipv4Of(address) ?? address;
  if (ip.length === V4_SIZE) return !RESERVED_4.some((range) => contains(range, ip));
  if (ip.length !== V6_SIZE) return true;
  return !RESERVED_6.some((range) => contains(range, ip));
}
