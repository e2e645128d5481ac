/** A broken invariant: always a bug in this program, never an answer to somebody's input. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/**
 * Checks an invariant.
 *
 * @param condition what must hold
 * @param message what it means when it does not, as a sentence
 * @throws AssertionFailure when the condition is falsy
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new AssertionFailure(message);
  }
}
