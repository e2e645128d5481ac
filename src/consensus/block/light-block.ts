import { equalBytes } from "#common/bytes.js";
import { checkCommit, Commit } from "./commit.js";
import { checkHeader, Header, headerHash } from "./header.js";
import { optional } from "./proto/fields.js";
import { message, type ProtoType } from "./proto/message.js";
import { checkValidatorSet, ValidatorSet, validatorSetHash } from "./validator.js";
import { verifyThat } from "./verification-error.js";

/** A header and the commit that made it final. */
export interface SignedHeader {
  readonly header: Header | undefined;
  readonly commit: Commit | undefined;
}

/** What a light client needs of one height. */
export interface LightBlock {
  readonly signedHeader: SignedHeader | undefined;
  readonly validatorSet: ValidatorSet | undefined;
}

/** A light block with all its parts, as `checkLightBlock` returns it. */
export interface CompleteLightBlock {
  readonly header: Header;
  readonly commit: Commit;
  readonly validatorSet: ValidatorSet;
}

export const SignedHeader: ProtoType<SignedHeader> = message<SignedHeader>("SignedHeader", {
  header: optional(1, Header),
  commit: optional(2, Commit),
});

export const LightBlock: ProtoType<LightBlock> = message<LightBlock>("LightBlock", {
  signedHeader: optional(1, SignedHeader),
  validatorSet: optional(2, ValidatorSet),
});

/**
 * Checks that a light block has all its parts and that they belong together; signatures are not verified.
 *
 * @throws VerificationError `malformed` or `mismatch`
 */
export function checkLightBlock(chainId: string, block: LightBlock): CompleteLightBlock {
  const header = block.signedHeader?.header;
  const commit = block.signedHeader?.commit;
  const validatorSet = block.validatorSet;
  verifyThat(header !== undefined, "malformed", "light block has no header");
  verifyThat(commit !== undefined, "malformed", "light block has no commit");
  verifyThat(validatorSet !== undefined, "malformed", "light block has no validator set");
  checkHeader(header);
  checkCommit(commit);
  checkValidatorSet(validatorSet);
  verifyThat(header.chainId === chainId, "mismatch", "header belongs to another chain");
  verifyThat(commit.height === header.height, "mismatch", "header and commit are of different heights");
  const hash = headerHash(header);
  verifyThat(equalBytes(commit.blockId.hash, hash), "mismatch", "commit is for another header");
  const setHash = validatorSetHash(validatorSet);
  verifyThat(equalBytes(header.validatorsHash, setHash), "mismatch", "validator set is not the header's");
  return { header, commit, validatorSet };
}
