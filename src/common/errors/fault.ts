/** Local trouble (disk, missing state, a broken invariant of this machine): never a transaction result, the node stops. */
export class Fault extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "Fault";
  }
}

/** Bytes or text that do not have the declared form; `path` names the field ("tx.fee.amount"). */
export class DecodeError extends Error {
  readonly path: string;
  readonly reason: string;

  constructor(reason: string, path = "") {
    super(path === "" ? reason : `${path}: ${reason}`);
    this.name = "DecodeError";
    this.path = path;
    this.reason = reason;
  }

  /** The same error seen from one level further out. */
  within(segment: string): DecodeError {
    const path =
      this.path === "" ? segment : this.path.startsWith("[") ? segment + this.path : `${segment}.${this.path}`;
    return new DecodeError(this.reason, path);
  }
}

/** An option, setting or argument from outside is not acceptable; the text names it and its limit. */
export class InvalidInput extends Error {
  readonly field: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.name = "InvalidInput";
    this.field = field;
  }
}
