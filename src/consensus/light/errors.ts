/** Why a provider's answer is of no use. The first three are no fault of its own: another may know. */
export type ProviderProblem =
  | "not-found" // it does not keep the height
  | "too-high" // the height lies above its latest
  | "no-response" // it cannot be reached, or refuses
  | "bad-block"; // it answers with something that is no light block of that height

/** A provider has not given a light block that could be looked at. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly problem: ProviderProblem;

  constructor(problem: ProviderProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.problem = problem;
  }
}

/** Why a light client cannot go on although blocks verify. */
export type LightClientProblem =
  | "wrong-root" // the block that is to be trusted first is not on the chain that the provider shows
  | "unconfirmed"; // no witness confirmed a header, and at least one was meant to

export class LightClientError extends Error {
  override readonly name = "LightClientError";
  readonly problem: LightClientProblem;

  constructor(problem: LightClientProblem, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.problem = problem;
  }
}
