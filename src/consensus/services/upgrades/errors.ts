import { defineErrors } from "#common/errors/index.js";

/** Codespace `upgrade`. */
export const upgradeErrors = defineErrors("upgrade", {
  stopForUpgrade: [1, "upgrade: reached upgrade epoch"],
  alreadyPending: [5, "upgrade: submitted upgrade is already pending, can not resubmit descriptor"],
  inProgress: [6, "upgrade: can not cancel upgrade in progress"],
  notFound: [7, "upgrade: not found"],
  badDescriptor: [8, "upgrade: bad descriptor"],
});
