/** An I/O tree or a write log for one does not have the form that the protocol demands, or is beyond its limits. */
export class IoTreeError extends Error {
  constructor(reason: string) {
    super(`transaction: ${reason}`);
    this.name = "IoTreeError";
  }
}
