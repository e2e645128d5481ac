import { toHex } from "#common/bytes.js";
import { reasonOf } from "#common/errors/index.js";
import { type Version, versionToText } from "#common/version.js";
import { LaunchFailure } from "#runtime/host/launcher.js";
import type { StartTrouble } from "#runtime/host/versioned.js";

/** What a compute node knows of why it does not serve. */
export interface NodeAccount {
  readonly name: string;
  /** Why its runtime does not run, if its latest start failed. */
  readonly trouble: StartTrouble | undefined;
  /** Versions of the runtime that it can serve. */
  readonly versions: readonly Version[];
  /** Why it is not registered, if its latest attempt failed. */
  readonly registrationError: string | undefined;
}

function lines({ trouble, versions, registrationError }: NodeAccount): string[] {
  if (trouble !== undefined) {
    const { error, starts, version } = trouble;
    const words = error instanceof LaunchFailure ? error.lastWords : [];
    const said =
      words.length === 0 ? "it wrote nothing to standard error" : "the last that it wrote to standard error:";
    const times = starts === 1 ? "once" : `${starts} times`;
    return [
      `version ${versionToText(version)} was started ${times}: ${reasonOf(error)}`,
      said,
      ...words.map((word) => `  ${word}`),
    ];
  }
  if (versions.length === 0) return ["the version in force is not installed here"];
  return [
    `runs, but is not elected${registrationError === undefined ? "" : `: registration failed: ${registrationError}`}`,
  ];
}

/** Nodes that say the same are told of together. */
function told(accounts: readonly NodeAccount[]): string[] {
  const same = new Map<string, string[]>();
  for (const account of accounts) {
    const text = lines(account).join("\n  ");
    same.set(text, [...(same.get(text) ?? []), account.name]);
  }
  return Array.from(same, ([text, names]) => `${names.join(", ")}: ${text}`);
}

/** A network whose runtime gets no committee, with what its compute nodes know of why. */
export class NoCommittee extends Error {
  override readonly name = "NoCommittee";

  /** @param why in a few words */
  constructor(
    readonly runtimeId: Uint8Array,
    why: string,
    readonly accounts: readonly NodeAccount[],
  ) {
    const nobody = accounts.length === 0 ? ["no node computes"] : told(accounts);
    super([`no committee of runtime ${toHex(runtimeId)}: ${why}`, ...nobody].join("\n  "));
  }
}
