import { FRAME_ELEMENTS } from "#common/limits.js";
import { list, named, nullable, struct } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";
import { APP_NAME } from "./errors.js";
import { ChurpStatus } from "./types/churp.js";
import { KeyManagerStatus, SignedEncryptedEphemeralSecret, SignedEncryptedMasterSecret } from "./types/secrets.js";

/** Statuses that changed. */
export class StatusUpdateEvent extends struct("StatusUpdateEvent", {
  statuses: named("Statuses", nullable(list(KeyManagerStatus, { max: FRAME_ELEMENTS }))),
}) {}
export class MasterSecretEvent extends struct("MasterSecretEvent", {
  secret: named("Secret", nullable(SignedEncryptedMasterSecret)),
}) {}
export class EphemeralSecretEvent extends struct("EphemeralSecretEvent", {
  secret: named("Secret", nullable(SignedEncryptedEphemeralSecret)),
}) {}
/** An instance of CHURP was made or changed. */
export class ChurpEvent extends struct("ChurpEvent", { status: named("Status", nullable(ChurpStatus)) }) {}

export const statusEvent = defineEvent(APP_NAME, "status", StatusUpdateEvent);
export const masterSecretEvent = defineEvent(APP_NAME, "master_secret", MasterSecretEvent);
export const ephemeralSecretEvent = defineEvent(APP_NAME, "ephemeral_secret", EphemeralSecretEvent);
export const churpCreateEvent = defineEvent(APP_NAME, "keymanager/churp.create", ChurpEvent);
export const churpUpdateEvent = defineEvent(APP_NAME, "keymanager/churp.update", ChurpEvent);
