/** What a node offers its off-chain logic by local queries (runtime host protocol: local endpoints). */
import { PublicKey, Signature } from "#common/crypto/keys.js";
import { Hash } from "#common/hash.js";
import type { SortedMap } from "#common/sorted-map.js";
import { bool, bytes, list, map, omitEmpty, raw, type Schema, struct, text, u64 } from "#common/schema/index.js";
import { MAX_MESSAGE_BYTES } from "../rhp/messages/limits.js";

/** Names of the endpoints, as components call them. */
export const ENDPOINT = {
  /** The runtime that the component belongs to. */
  ronl: "ronl",
  bundles: "bundle-manager",
  volumes: "volume-manager",
  logs: "log-manager",
  attestation: "attestation",
} as const;

/** Most labels of one thing, and most things of one list. */
const MANY = { max: 4096 };
const word = text({ max: 4096 });
/** Names and values that things are found by; a filter names some of them, and all must be the same. */
export type Labels = SortedMap<string, string>;
export const Labels: Schema<Labels> = map(word, word, MANY);

/** A call of a method of an endpoint. */
export class LocalQuery extends struct("Request", { method: text({ max: 1024 }), args: raw }) {}

/** An answer that says nothing. */
export class Nothing extends struct("Nothing", {}) {}

export class BundleWriteRequest extends struct("BundleWriteRequest", {
  /** Under this name it is added later. */
  temporaryName: word,
  /** Whether it begins anew; otherwise the data is appended. */
  create: omitEmpty(bool),
  data: bytes({ max: MAX_MESSAGE_BYTES }),
}) {}

export class BundleAddRequest extends struct("BundleAddRequest", {
  temporaryName: word,
  /** What the bundle has to be. */
  manifestHash: Hash,
  labels: Labels,
  /** Identifiers of volumes by the names under which the bundle gets them. */
  volumes: Labels,
}) {}

/** Names what to remove or list by its labels. */
export class LabelFilter extends struct("LabelFilter", { labels: Labels }) {}

class ComponentInfo extends struct("ComponentInfo", { name: word }) {}

export class BundleInfo extends struct("BundleInfo", {
  manifestHash: Hash,
  components: list(ComponentInfo, MANY),
  labels: omitEmpty(Labels),
}) {}

export class BundleListResponse extends struct("BundleListResponse", { bundles: omitEmpty(list(BundleInfo, MANY)) }) {}

export class VolumeAddResponse extends struct("VolumeAddResponse", { id: word }) {}

export class VolumeInfo extends struct("VolumeInfo", { id: word, labels: omitEmpty(Labels) }) {}

export class VolumeListResponse extends struct("VolumeListResponse", { volumes: omitEmpty(list(VolumeInfo, MANY)) }) {}

export class LogGetRequest extends struct("LogGetRequest", {
  /** Labels of the bundle that the component is part of. */
  labels: Labels,
  /** For example `rofl.name`. */
  componentId: word,
  /** Only lines after this moment, in seconds since the Unix epoch. */
  since: omitEmpty(u64),
}) {}

export class LogGetResponse extends struct("LogGetResponse", {
  logs: list(text({ max: 1 << 20 }), { max: 1 << 16 }),
}) {}

export class AttestLabelsRequest extends struct("AttestLabelsRequest", { labels: list(word, MANY) }) {}

export class AttestLabelsResponse extends struct("AttestLabelsResponse", {
  /** Encoded LabelAttestation. */
  attestation: bytes({ max: MAX_MESSAGE_BYTES }),
  nodeId: PublicKey,
  signature: Signature,
}) {}

/** A method of one of the node's managers. */
export interface ManagerMethod<A, R> {
  readonly endpoint: string;
  readonly name: string;
  readonly args: Schema<A>;
  readonly answer: Schema<R>;
}

function managed<A, R>(endpoint: string, name: string, args: Schema<A>, answer: Schema<R>): ManagerMethod<A, R> {
  return { endpoint, name, args, answer };
}

const { bundles, volumes, logs, attestation } = ENDPOINT;

/**
 * What the node's managers do. A component sees and changes only what it has added itself: everything is labelled with
 * its origin.
 */
export const managers = {
  /** Writes a piece of a bundle; permission `bundle_add`. */
  bundleWrite: managed<BundleWriteRequest, Nothing>(bundles, "BundleWrite", BundleWriteRequest, Nothing),
  /** Installs and starts what was written; permission `bundle_add`. */
  bundleAdd: managed<BundleAddRequest, Nothing>(bundles, "BundleAdd", BundleAddRequest, Nothing),
  /** Ends and removes all bundles with some labels; permission `bundle_remove`. */
  bundleRemove: managed<LabelFilter, Nothing>(bundles, "BundleRemove", LabelFilter, Nothing),
  /** Permission `bundle_add`. */
  bundleList: managed<LabelFilter, BundleListResponse>(bundles, "BundleList", LabelFilter, BundleListResponse),
  /** Makes an empty volume; permission `volume_add`. */
  volumeAdd: managed<LabelFilter, VolumeAddResponse>(volumes, "VolumeAdd", LabelFilter, VolumeAddResponse),
  /** Removes all volumes with some labels, and what is in them; permission `volume_remove`. */
  volumeRemove: managed<LabelFilter, Nothing>(volumes, "VolumeRemove", LabelFilter, Nothing),
  /** Permission `volume_add`. */
  volumeList: managed<LabelFilter, VolumeListResponse>(volumes, "VolumeList", LabelFilter, VolumeListResponse),
  /** Lines that a component of such a bundle has written; permission `log_view`. */
  logGet: managed<LogGetRequest, LogGetResponse>(logs, "LogGet", LogGetRequest, LogGetResponse),
  /** Has the node sign which labels it runs the component with; for components in trusted hardware. */
  attestLabels: managed<AttestLabelsRequest, AttestLabelsResponse>(
    attestation,
    "AttestLabels",
    AttestLabelsRequest,
    AttestLabelsResponse,
  ),
} as const;
