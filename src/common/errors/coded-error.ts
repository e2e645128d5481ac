/** Frames that an error keeps, where the engine can be told. */
const TRACES = Error as ErrorConstructor & { stackTraceLimit?: number };

/**
 * A protocol answer: `module` and `code` reach the wire, and the code of a failed transaction enters the
 * results hash, so it is part of consensus. Text is informative only.
 */
export class CodedError extends Error {
  readonly module: string;
  readonly code: number;

  constructor(module: string, code: number, message: string) {
    // An answer is no bug: where it was made is not worth the walk up the stack, which costs more than all the rest.
    const limit = TRACES.stackTraceLimit;
    TRACES.stackTraceLimit = 0;
    super(message);
    TRACES.stackTraceLimit = limit;
    this.name = "CodedError";
    this.module = module;
    this.code = code;
  }
}

/** Makes one kind of coded error; `context` is appended to the registered text after a colon. */
export interface ErrorFactory {
  (context?: string): CodedError;
  readonly module: string;
  readonly code: number;
  /** True if the thrown value is this very error. */
  is(error: unknown): boolean;
}

export const UNKNOWN_MODULE = "unknown";

/** The error the reference reports when it returns one without a code: module `unknown`, code 1. */
export function unknown(message: string): CodedError {
  return new CodedError(UNKNOWN_MODULE, 1, message);
}

function factory(module: string, code: number, text: string): ErrorFactory {
  const make = (context?: string): CodedError =>
    new CodedError(module, code, context === undefined ? text : `${text}: ${context}`);
  const is = (error: unknown): boolean => error instanceof CodedError && error.module === module && error.code === code;
  return Object.assign(make, { module, code, is });
}

/**
 * Declares the errors of one module.
 * @param module codespace as it appears on the wire
 * @param table name -> [code, text]; codes are positive and unique within the module
 */
export function defineErrors<const T extends Record<string, readonly [number, string]>>(
  module: string,
  table: T,
): { readonly [K in keyof T]: ErrorFactory } {
  const out: Record<string, ErrorFactory> = {};
  for (const [name, entry] of Object.entries(table)) {
    out[name] = factory(module, entry[0], entry[1]);
  }
  return out as { readonly [K in keyof T]: ErrorFactory };
}
