/** Which enclave: its own measurement and the one of its signer (common: versions, roles, descriptors). */
import { concatBytes, fromBase64, toBase64 } from "../bytes.js";
import { DecodeError } from "../errors/index.js";
import { fixedBytes, type Schema, struct, withForms } from "../schema/index.js";

const MEASUREMENT_SIZE = 32;

/** MRENCLAVE, 32 bytes. */
export const MrEnclave: Schema<Uint8Array> = fixedBytes("MrEnclave", MEASUREMENT_SIZE, { json: "hex" });
/** MRSIGNER, 32 bytes. */
export const MrSigner: Schema<Uint8Array> = fixedBytes("MrSigner", MEASUREMENT_SIZE, { json: "hex" });

/** A struct in CBOR, also as a map key; in JSON the base64 text of both measurements, enclave first. */
export class EnclaveIdentity extends withForms(
  struct("EnclaveIdentity", { mrEnclave: MrEnclave, mrSigner: MrSigner }),
  {
    toJson: (value) => toBase64(concatBytes(value.mrEnclave, value.mrSigner)),
    fromJson(json) {
      const both = typeof json === "string" ? fromBase64(json) : new Uint8Array(0);
      if (both.length !== 2 * MEASUREMENT_SIZE) throw new DecodeError("expected the base64 text of 64 bytes");
      return { mrEnclave: both.slice(0, MEASUREMENT_SIZE), mrSigner: both.slice(MEASUREMENT_SIZE) };
    },
  },
) {}
