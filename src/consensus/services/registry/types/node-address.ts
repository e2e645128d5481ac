/** Transport addresses in node descriptors (registry: descriptors). */
import { PublicKey } from "#common/crypto/keys.js";
import { DecodeError } from "#common/errors/index.js";
import { FRAME_BYTES } from "#common/limits.js";
import { bytes, i64, named, nullable, struct, text, withForms } from "#common/schema/index.js";
import { ipFromText, ipToText } from "#common/ip-address.js";

class NodeAddressFields extends struct("NodeAddress", {
  /** 4 or 16 bytes, kept as received. */
  ip: named("IP", nullable(bytes({ max: FRAME_BYTES }))),
  port: named("Port", i64),
  zone: named("Zone", text({ max: FRAME_BYTES })),
}) {}

const HOST_PORT = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d{1,5})$/;

/** An IP address and a port; `ip:port` or `[ip]:port` in JSON. */
export class NodeAddress extends withForms(NodeAddressFields, {
  toJson: (value) => nodeAddressToText(value),
  fromJson(json) {
    if (json === null) return NodeAddressFields.zero();
    if (typeof json !== "string") throw new DecodeError("expected ip:port");
    return nodeAddressFromText(json);
  },
}) {}

/** `35.1.2.3:26656` or `[2001:db8::1%eth0]:26656`. */
export function nodeAddressToText(address: NodeAddressFields): string {
  const host = ipToText(address.ip) + (address.zone === "" ? "" : `%${address.zone}`);
  return host.includes(":") || host.includes("%") ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

/**
 * Reads `ip:port`; names are not looked up. As in the reference an IPv4 address becomes 16 bytes.
 *
 * @throws DecodeError
 */
export function nodeAddressFromText(value: string): NodeAddressFields {
  const m = HOST_PORT.exec(value);
  if (m === null) throw new DecodeError("expected ip:port");
  const port = BigInt(m[3] as string);
  if (port > 65535n) throw new DecodeError("port above 65535");
  const host = m[1] ?? m[2] ?? "";
  const cut = host.indexOf("%");
  const zone = cut < 0 ? "" : host.slice(cut + 1);
  return { ip: host === "" ? null : ipFromText(cut < 0 ? host : host.slice(0, cut)), port, zone };
}

const ConsensusAddressFields = struct("ConsensusAddress", { id: PublicKey, address: NodeAddress });

/** Where a consensus node listens, and under which P2P key; `key@ip:port` in JSON. */
export class ConsensusAddress extends withForms(ConsensusAddressFields, {
  toJson: (value) => `${PublicKey.toJson(value.id) as string}@${nodeAddressToText(value.address)}`,
  fromJson(json) {
    if (json === null) return ConsensusAddressFields.zero();
    const parts = typeof json === "string" ? json.split("@") : [];
    const [id, address] = parts;
    if (parts.length !== 2 || id === undefined || address === undefined) throw new DecodeError("expected key@ip:port");
    return { id: PublicKey.fromJson(id), address: nodeAddressFromText(address) };
  },
}) {}

/** An address of old descriptors, with the TLS key that answers there. */
export class TlsAddress extends struct("TlsAddress", { pubKey: PublicKey, address: NodeAddress }) {}
