/** What an enclave may have its node attest about the component it runs as (runtime: local endpoints). */
import { defineContext } from "../crypto/signature.js";
import { PublicKey } from "../crypto/keys.js";
import { map, struct, text } from "../schema/index.js";

/** Longest label or value in bytes, and most labels. */
const LABEL_MAX = 4096;
const LABELS_MAX = 1024;

/** Signature context of label attestations. */
export const LABEL_ATTESTATION_CONTEXT = defineContext("oasis-core/node: attest component labels");

/** Labels of the component that owns an attestation key. */
export class LabelAttestation extends struct("LabelAttestation", {
  labels: map(text({ max: LABEL_MAX }), text({ max: LABEL_MAX }), { max: LABELS_MAX }),
  rak: PublicKey,
}) {}
