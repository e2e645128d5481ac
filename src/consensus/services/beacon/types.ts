import { PublicKey } from "#common/crypto/keys.js";
import { FRAME_BYTES } from "#common/limits.js";
import {
  bool,
  bytes,
  fixedBytes,
  i64,
  map,
  named,
  nullable,
  omitEmpty,
  optional,
  struct,
  text,
  u64,
} from "#common/schema/index.js";
import { GasCostTable } from "../../app/parameters.js";

export const BACKEND_INSECURE = "insecure";
export const BACKEND_VRF = "vrf";

/** An epoch and the height at which it begins. */
export class EpochHeight extends struct("EpochHeight", { epoch: u64, height: i64 }) {}

/** Parameters of the insecure backend; the interval is in blocks. */
export class InsecureParameters extends struct("InsecureParameters", { interval: omitEmpty(i64) }) {}

/** Parameters of the VRF backend; interval and delay are in blocks. */
export class VrfParameters extends struct("VrfParameters", {
  alphaHqThreshold: omitEmpty(u64),
  interval: omitEmpty(i64),
  proofDelay: omitEmpty(i64),
  gasCosts: omitEmpty(GasCostTable),
}) {}

/** Parameters of the beacon (consensus: genesis document, section beacon). */
export class BeaconParameters extends struct("BeaconParameters", {
  backend: text({ max: 64 }),
  debugMockBackend: omitEmpty(bool),
  insecureParameters: optional(InsecureParameters),
  vrfParameters: optional(VrfParameters),
}) {}

export class BeaconGenesis extends struct("BeaconGenesis", { base: u64, params: BeaconParameters }) {}

/** A VRF proof of a node: 80 bytes under its VRF key. */
export class VrfProof extends struct("VrfProof", {
  publicKey: PublicKey,
  proof: fixedBytes("Proof", 80, { json: "base64" }),
}) {}

/** Proofs by node id. */
export const ProofMap = map(PublicKey, VrfProof, { max: 100_000 });

/** The proofs of the epoch before, which elect in this one. The odd name of its first member is the reference's. */
export class PrevVrfState extends struct("PrevVrfState", {
  pi: named("pi.omitempty", nullable(ProofMap)),
  canElect: omitEmpty(bool),
}) {}

/** State of the VRF backend (consensus: beacon). */
export class VrfState extends struct("VrfState", {
  epoch: omitEmpty(u64),
  alpha: omitEmpty(bytes({ max: 64 })),
  pi: omitEmpty(ProofMap),
  alphaHq: omitEmpty(bool),
  submitAfter: omitEmpty(i64),
  prevState: optional(PrevVrfState),
}) {}

/** Body of `beacon.VRFProve`. */
export class VrfProve extends struct("VrfProve", { epoch: u64, pi: bytes({ max: FRAME_BYTES }) }) {}
