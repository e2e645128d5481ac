/** What the certificate of a platform's key says about the platform (runtime: DCAP quotes, SGX extension). */
import { type Certificate, extensionOf } from "./certificate.js";
import { DER_OCTET_STRING, type DerElement, DerReader } from "./der.js";
import { demand } from "./evidence-rejected.js";

// 1.2.840.113741.1.13.1 and its parts, as hexadecimal contents of object identifiers.
const OID_SGX = "2a864886f84d010d01";
const OID_TCB = `${OID_SGX}02`;
const OID_FMSPC = `${OID_SGX}04`;
const FMSPC_SIZE = 6;
const COMPONENTS = 16;
const PCE_SVN = 17;
const CPU_SVN = 18;
const COMPONENT_MAX = 0x7fffffff;
const PCE_SVN_MAX = 0xffff;

/** Family of the platform and the security versions that its key was issued for. */
export interface PlatformInfo {
  /** Family, model, stepping, platform type and custom SKU, 6 bytes. */
  readonly fmspc: Uint8Array;
  /** Sixteen security versions; a missing one counts as 0. */
  readonly components: readonly number[];
  readonly pceSvn: number;
}

/** The pairs of identifier (hexadecimal contents) and value in a sequence. */
function entries(sequence: DerReader): [string, DerElement][] {
  const out: [string, DerElement][] = [];
  while (!sequence.isEmpty) {
    const entry = sequence.enter();
    out.push([entry.readOid(), entry.readAny()]);
  }
  return out;
}

function readVersions(value: DerElement): { components: number[]; pceSvn: number } {
  const components = new Array<number>(COMPONENTS).fill(0);
  let pceSvn = 0;
  for (const [oid, version] of entries(new DerReader(value.whole).enter())) {
    // The last number decides; one that takes two bytes is no part of this list.
    const wide = Number.parseInt(oid.slice(-4, -2), 16) >= 0x80;
    const part = wide ? 0 : Number.parseInt(oid.slice(-2), 16);
    const reader = new DerReader(version.whole);
    if (part >= 1 && part <= COMPONENTS) components[part - 1] = reader.readSmall(COMPONENT_MAX);
    else if (part === PCE_SVN) pceSvn = reader.readSmall(PCE_SVN_MAX);
    else if (part === CPU_SVN) reader.read(DER_OCTET_STRING);
  }
  return { components, pceSvn };
}

/**
 * Reads the SGX extension of a platform certificate.
 * @throws DecodeError for a malformed one, EvidenceRejected when it names no family
 */
export function platformInfo(certificate: Certificate): PlatformInfo {
  const extension = extensionOf(certificate, OID_SGX);
  let fmspc: Uint8Array | undefined;
  let versions = { components: new Array<number>(COMPONENTS).fill(0), pceSvn: 0 };
  for (const [oid, value] of extension === undefined ? [] : entries(new DerReader(extension).enter())) {
    if (oid === OID_FMSPC) fmspc = new DerReader(value.whole).read(DER_OCTET_STRING);
    if (oid === OID_TCB) versions = readVersions(value);
  }
  demand(fmspc !== undefined && fmspc.length === FMSPC_SIZE, "platform certificate without a platform family");
  return { fmspc, ...versions };
}
