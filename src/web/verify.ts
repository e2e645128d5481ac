/**
 * What a browser tab needs in order to trust nobody: it checks that entries belong to a state root and that signatures
 * are valid. No state, no input or output, no more than this: whatever is imported here is downloaded by every visitor.
 */
export { addressFromPublicKey, addressFromText, addressToText, runtimeAddress } from "#common/address.js";
export { fromBase64, fromHex, toBase64, toHex, utf8 } from "#common/bytes.js";
export { defineContext } from "#common/crypto/context.js";
export { verify, verifyBatch } from "#common/crypto/verify.js";
export { hash } from "#common/hash.js";
export { Proof } from "#mkvs/proof/proof.js";
export { verifyProofToWriteLog } from "#mkvs/proof/verify.js";
