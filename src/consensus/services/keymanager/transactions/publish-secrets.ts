import { equalBytes } from "#common/bytes.js";
import { type SignatureContext, verify } from "#common/crypto/signature.js";
import { unknown } from "#common/errors/index.js";
import type { Context } from "../../../app/context.js";
import { defineTransaction } from "../../../app/define-service.js";
import { currentEpoch } from "../../../app/epoch.js";
import { loadNode } from "../../registry/state.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { keyManagerErrors } from "../errors.js";
import { ephemeralSecretEvent, masterSecretEvent } from "../events.js";
import { attestationKey, encryptionKeys, keyManagerEntry } from "../logic/keys.js";
import { checkEncryption, checkRotation } from "../logic/secrets.js";
import { GAS_PUBLISH_EPHEMERAL_SECRET, GAS_PUBLISH_MASTER_SECRET, gasCosts } from "../params.js";
import { ephemeralSecrets, getStatus, loadKeyManager, masterSecrets } from "../state.js";
import {
  EncryptedEphemeralSecret,
  EncryptedMasterSecret,
  type EncryptedSecret,
  EPHEMERAL_SECRET_CONTEXT,
  type KeyManagerStatus,
  MASTER_SECRET_CONTEXT,
  nextGeneration,
  SignedEncryptedEphemeralSecret,
  SignedEncryptedMasterSecret,
} from "../types/secrets.js";

/** The status of a key manager in whose committee the signer is. */
function committeeOf(ctx: Context, runtime: Runtime): KeyManagerStatus {
  const status = getStatus(ctx.state, runtime.id);
  if (status === undefined) throw keyManagerErrors.noSuchStatus();
  const member = (status.nodes ?? []).some((id) => equalBytes(id, ctx.signer));
  if (!member) throw unknown("keymanager: secrets can be published only by the key manager committee");
  return status;
}

/** Keys with which the signer's enclave signs and to which secrets are encrypted. */
function committeeKeys(
  ctx: Context,
  runtime: Runtime,
  status: KeyManagerStatus,
): { rak: Uint8Array; reks: ReturnType<typeof encryptionKeys> } {
  const rak = attestationKey(keyManagerEntry(loadNode(ctx.state, ctx.signer), runtime.id), runtime);
  const members = (status.nodes ?? []).map((id) => loadNode(ctx.state, id));
  return { rak, reks: encryptionKeys(members, runtime) };
}

/** A secret that was published, whatever its kind. */
interface Publication {
  readonly secret: EncryptedSecret;
  /** Epoch that the secret is for: it must be the next one. */
  readonly epoch: bigint;
  readonly context: SignatureContext;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function checkPublication(ctx: Context, runtime: Runtime, status: KeyManagerStatus, p: Publication): void {
  const { rak, reks } = committeeKeys(ctx, runtime, status);
  if (p.epoch !== BigInt.asUintN(64, currentEpoch(ctx) + 1n)) throw unknown("keymanager: secret for an invalid epoch");
  checkEncryption(p.secret, reks);
  const ok = verify(rak, p.context, p.message, p.signature, { policy: ctx.env.policy });
  if (!ok) throw unknown("keymanager: secret contains an invalid signature");
}

/** `keymanager.PublishMasterSecret`: an enclave of the committee proposes the next master secret. */
export const publishMasterSecretTransaction = defineTransaction({
  method: "keymanager.PublishMasterSecret",
  body: SignedEncryptedMasterSecret,
  invalidBody: keyManagerErrors.invalidArgument,
  gasOp: GAS_PUBLISH_MASTER_SECRET,
  gasCosts,
  inCheckTx: "accept",
  before(ctx, { secret, signature }) {
    const runtime = loadKeyManager(ctx.state, secret.runtimeId);
    const status = committeeOf(ctx, runtime);
    const last = masterSecrets.get(ctx.state, runtime.id);
    if (last?.secret.epoch === secret.epoch) throw unknown("keymanager: master secret can be proposed once per epoch");
    checkRotation(status, secret.epoch);
    // The keys come first, because a node that is gone has a code of its own.
    committeeKeys(ctx, runtime, status);
    if (secret.generation !== nextGeneration(status))
      throw unknown("keymanager: master secret of an invalid generation");
    const message = EncryptedMasterSecret.encode(secret);
    const { epoch } = secret;
    checkPublication(ctx, runtime, status, {
      secret: secret.secret,
      epoch,
      context: MASTER_SECRET_CONTEXT,
      message,
      signature,
    });
  },
  execute(ctx, secret) {
    masterSecrets.set(ctx.state, [secret.secret.runtimeId], secret);
    ctx.emit(masterSecretEvent, { secret });
  },
});

/** `keymanager.PublishEphemeralSecret`: an enclave of the committee publishes the ephemeral secret of the next epoch. */
export const publishEphemeralSecretTransaction = defineTransaction({
  method: "keymanager.PublishEphemeralSecret",
  body: SignedEncryptedEphemeralSecret,
  invalidBody: keyManagerErrors.invalidArgument,
  gasOp: GAS_PUBLISH_EPHEMERAL_SECRET,
  gasCosts,
  inCheckTx: "accept",
  before(ctx, { secret, signature }) {
    const runtime = loadKeyManager(ctx.state, secret.runtimeId);
    const status = committeeOf(ctx, runtime);
    const last = ephemeralSecrets.get(ctx.state, runtime.id);
    if (last?.secret.epoch === secret.epoch)
      throw unknown("keymanager: ephemeral secret can be published once per epoch");
    checkPublication(ctx, runtime, status, {
      secret: secret.secret,
      epoch: secret.epoch,
      context: EPHEMERAL_SECRET_CONTEXT,
      message: EncryptedEphemeralSecret.encode(secret),
      signature,
    });
  },
  execute(ctx, secret) {
    ephemeralSecrets.set(ctx.state, [secret.secret.runtimeId], secret);
    ctx.emit(ephemeralSecretEvent, { secret });
  },
});
