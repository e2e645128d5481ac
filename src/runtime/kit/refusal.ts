/** A call that the runtime does not carry out: its text becomes the answer of the transaction or query. */
export class Refusal extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Refusal";
  }
}

/**
 * Ends the call with an error answer. What the call has written so far stays written, as in the reference.
 *
 * @throws Refusal always
 */
export function refuse(message: string): never {
  throw new Refusal(message);
}
