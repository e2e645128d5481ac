/** Why a block, commit or validator set was not accepted. Callers decide on this word, people read the message. */
export type VerificationReason =
  | "malformed" // breaks a rule that needs no context
  | "mismatch" // does not fit what it is checked against
  | "signature" // a signature is wrong
  | "power" // too little voting power signed
  | "trust" // too little of the power that is trusted already signed
  | "expired" // the trusted header is too old
  | "time"; // lies in the future, or before its predecessor

/** A block, header, commit or validator set that somebody else sent does not hold up. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly reason: VerificationReason;

  constructor(reason: VerificationReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Throws `VerificationError` unless `condition` holds. */
export function verifyThat(condition: boolean, reason: VerificationReason, message: string): asserts condition {
  if (!condition) throw new VerificationError(reason, message);
}
