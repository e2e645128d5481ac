import { x25519 } from "@noble/curves/ed25519.js";
import { expect, it } from "vitest";
import { utf8 } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { hash } from "#common/hash.js";
import { INSECURE_RAK, INSECURE_REK } from "#consensus/services/keymanager/logic/keys.js";

it("uses the insecure keys that everybody can derive", () => {
  expect(MemorySigner.fromTestName("ekiden test key manager RAK seed").publicKey).toEqual(INSECURE_RAK);
  const secret = hash(utf8("ekiden test key manager REK seed"));
  expect(new Uint8Array(x25519.getPublicKey(secret))).toEqual(INSECURE_REK);
});
