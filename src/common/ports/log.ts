/** Values that a log line may carry beside its text; never secrets. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** The log port. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The log of a part of the program; its lines name the part. */
  child(name: string): Log;
}
