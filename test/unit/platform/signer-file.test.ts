import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromUtf8, toHex, utf8 } from "#common/bytes.js";
import { decodePem, encodePem, PEM_PRIVATE_KEY } from "#common/crypto/pem.js";
import { defineContext, verify } from "#common/crypto/signature.js";
import { verifyProof } from "#common/crypto/vrf.js";
import { KeyFileError } from "#platform/key-files.js";
import { generateSigner, loadOrGenerateSigner, loadSigner } from "#platform/signer-file.js";

const source = { bytes: (size: number) => new Uint8Array(randomBytes(size)) };
const context = defineContext("qanat/test: file signer");

describe("key files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "qanat-keys-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are written once with mode 0600 and load again", () => {
    for (const role of ["entity", "node", "p2p", "consensus", "vrf"] as const) {
      const made = generateSigner(folder, role, source);
      const loaded = loadSigner(folder, role, source);
      expect(loaded.publicKey).toEqual(made.publicKey);
      expect(loaded.staticEntropy).toEqual(made.staticEntropy);
      const signature = loaded.sign(context, utf8("hello"));
      expect(verify(made.publicKey, context, utf8("hello"), signature)).toBe(true);
      expect(() => generateSigner(folder, role, source)).toThrow("already exists");
      expect(loadOrGenerateSigner(folder, role, source).publicKey).toEqual(made.publicKey);
    }
    expect(readdirSync(folder).sort()).toEqual(
      [
        "consensus.pem",
        "consensus_pub.pem",
        "entity.pem",
        "identity.pem",
        "identity_pub.pem",
        "p2p.pem",
        "p2p_entropy.pem",
        "p2p_pub.pem",
        "vrf.pem",
        "vrf_pub.pem",
      ].sort(),
    );
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });

  it("are refused when others may read them", () => {
    generateSigner(folder, "entity", source);
    for (const mode of [0o644, 0o640, 0o400, 0o700]) {
      chmodSync(join(folder, "entity.pem"), mode);
      expect(() => loadSigner(folder, "entity", source)).toThrow(KeyFileError);
    }
  });

  it("are refused when missing, of another type, of another size, or inconsistent", () => {
    const path = join(folder, "node.pem");
    expect(() => loadSigner(folder, "node", source)).toThrow("does not exist");
    generateSigner(folder, "node", source);
    const file = new Uint8Array(readFileSync(join(folder, "identity.pem")));
    const key = decodePem(PEM_PRIVATE_KEY, file);
    key[63] = (key[63] as number) ^ 1;
    for (const bad of [
      encodePem("OTHER", key),
      encodePem(PEM_PRIVATE_KEY, key.slice(1)),
      encodePem(PEM_PRIVATE_KEY, key),
      utf8(`${fromUtf8(file)}garbage`),
    ]) {
      writeFileSync(join(folder, "identity.pem"), bad);
      expect(() => loadSigner(folder, "node", source)).toThrow(KeyFileError);
    }
    expect(path).toContain(folder);
  });

  it("are refused when the public file names another key", () => {
    generateSigner(folder, "consensus", source);
    rmSync(join(folder, "consensus.pem"));
    expect(() => generateSigner(folder, "consensus", source)).toThrow("another key");
  });

  it("give old p2p keys their static entropy", () => {
    const made = generateSigner(folder, "p2p", source);
    rmSync(join(folder, "p2p_entropy.pem"));
    const loaded = loadSigner(folder, "p2p", source);
    expect(loaded.staticEntropy).toHaveLength(32);
    expect(loaded.staticEntropy).not.toEqual(made.staticEntropy);
  });

  it("let only the VRF key prove, and never show a secret", () => {
    const vrf = generateSigner(folder, "vrf", source);
    const proof = vrf.proveVrf?.(utf8("alpha")) as Uint8Array;
    expect(verifyProof(vrf.publicKey, utf8("alpha"), proof)).toHaveLength(64);
    const p2p = generateSigner(folder, "p2p", source);
    expect(p2p.proveVrf).toBeUndefined();
    const entropy = p2p.staticEntropy as Uint8Array;
    for (const text of [JSON.stringify(p2p), inspect(p2p, { depth: 10 })]) {
      expect(text).not.toContain(toHex(entropy));
      expect(text).not.toContain(`${entropy[0]}, ${entropy[1]}, ${entropy[2]}`);
    }
  });
});
