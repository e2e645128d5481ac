import { defineErrors } from "#common/errors/index.js";

export const MODULE_NAME = "governance";

/** Codespace `governance`. */
export const governanceErrors = defineErrors(MODULE_NAME, {
  invalidArgument: [1, "governance: invalid argument"],
  upgradeTooSoon: [2, "governance: upgrade too soon"],
  upgradeAlreadyPending: [3, "governance: upgrade already pending"],
  noSuchUpgrade: [4, "governance: no such upgrade"],
  noSuchProposal: [5, "governance: no such proposal"],
  notEligible: [6, "governance: not eligible"],
  votingIsClosed: [7, "governance: voting is closed"],
});
