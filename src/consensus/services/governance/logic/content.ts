/** What a proposal may say (governance: content). */
import { utf8 } from "#common/bytes.js";
import { governanceErrors } from "../errors.js";
import type { GovernanceParameters } from "../params.js";
import type { ProposalContent, ProtocolVersions, UpgradeDescriptor } from "../types.js";

/** Means that the epoch is not known. */
const NO_EPOCH = 0xffffffffffffffffn;
const DESCRIPTOR_VERSION = 1;
const MIN_HANDLER = 3;
const MAX_HANDLER = 32;
const MIN_TITLE = 3;
const MAX_TITLE = 100;

function refuse(reason: string): never {
  throw governanceErrors.invalidArgument(reason);
}

function checkVersions(target: ProtocolVersions): void {
  for (const v of [target.consensusProtocol, target.runtimeHostProtocol, target.runtimeCommitteeProtocol]) {
    if (v.major === 0 && v.minor === 0 && v.patch === 0) refuse("upgrade target without a protocol version");
  }
}

/**
 * Checks a descriptor by itself.
 * @throws CodedError governance/1
 */
export function checkUpgrade({ v, handler, target, epoch }: UpgradeDescriptor): void {
  if (v !== DESCRIPTOR_VERSION) refuse(`upgrade descriptor version ${v}, must be ${DESCRIPTOR_VERSION}`);
  const size = utf8(handler).length;
  if (size < MIN_HANDLER || size > MAX_HANDLER) {
    refuse(`upgrade handler of ${size} bytes, must have ${MIN_HANDLER} to ${MAX_HANDLER}`);
  }
  checkVersions(target);
  if (epoch === 0n || epoch === NO_EPOCH) refuse(`upgrade epoch ${epoch}`);
}

/**
 * Checks a proposal as far as its content and the parameters tell.
 * @throws CodedError governance/1
 */
export function checkContent(content: ProposalContent, params: GovernanceParameters): void {
  const { metadata, upgrade, cancelUpgrade, changeParameters } = content;
  if (params.allowProposalMetadata) {
    if (metadata === undefined) refuse("proposal metadata required");
    const size = utf8(metadata.title).length;
    if (size < MIN_TITLE || size > MAX_TITLE) refuse(`title of ${size} bytes, must have ${MIN_TITLE} to ${MAX_TITLE}`);
  } else if (metadata !== undefined) refuse("proposal metadata not allowed");
  const kinds = [upgrade, cancelUpgrade, changeParameters].filter((kind) => kind !== undefined);
  if (kinds.length !== 1) refuse(`proposal content has ${kinds.length} kinds, must have one`);
  if (upgrade !== undefined) checkUpgrade(upgrade);
  if (changeParameters !== undefined) {
    if (changeParameters.module === "") refuse("parameter changes without a module");
    if (changeParameters.changes.length === 0) refuse("empty parameter changes");
  }
}

/** Whether two epochs are closer than a distance. */
export function tooClose(a: bigint, b: bigint, distance: bigint): boolean {
  return (a < b ? b - a : a - b) < distance;
}
