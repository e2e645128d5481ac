import pc from "picocolors";

/** What decides whether a stream gets colours. */
export interface ColourEnvironment {
  readonly NO_COLOR?: string | undefined;
  readonly FORCE_COLOR?: string | undefined;
  readonly TERM?: string | undefined;
}

/**
 * Whether text for a stream is coloured: what FORCE_COLOR and NO_COLOR say (a value that is empty says nothing), else
 * whether a person reads it on a terminal. A variable that continuous integration sets is no reason: what runs there
 * reads our output through a pipe.
 */
export function wantsColours(isTerminal: boolean | undefined, env: ColourEnvironment): boolean {
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "") return env.FORCE_COLOR !== "0";
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  return isTerminal === true && env.TERM !== "dumb";
}

/** Colours of what is written to standard output. */
export const onOutput = pc.createColors(wantsColours(process.stdout.isTTY, process.env));

/** Colours of what is written to standard error. */
export const onError = pc.createColors(wantsColours(process.stderr.isTTY, process.env));
