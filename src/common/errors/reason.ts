/** The message of whatever was thrown, for a sentence that says more. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
