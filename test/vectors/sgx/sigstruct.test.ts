import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { signSigstruct, usualDescription } from "#common/tee/build-sigstruct.js";
import { DerReader } from "#common/tee/der.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { sigstructHash, verifySigstruct } from "#common/tee/sigstruct.js";
import { readEnclaveKey } from "#platform/enclave-key.js";
import { sha256 } from "#kernels";
import { describeVectors, vectorBytes } from "../support/vectors.ts";
import type { Expectations } from "./expectations.ts";

describeVectors<Expectations>("sgx/expectations.json", ({ sigstruct, fortanix_dummy }) => {
  const bytes = (): Uint8Array => vectorBytes(`sgx/${sigstruct["file"]}`);

  test("the recorded SIGSTRUCT verifies and is read field by field", () => {
    expect(bytes().length).toBe(sigstruct["size"]);
    const read = verifySigstruct(bytes());
    expect(toHex(read.mrEnclave)).toBe(sigstruct["mr_enclave"]);
    expect(toHex(read.mrSigner)).toBe(sigstruct["mr_signer"]);
    expect(read.buildDate).toBe("2016-01-09");
    expect([read.flags, read.xfrm]).toEqual([4n, 3n]);
    expect(read.miscSelectMask).toBe(0xffffffff);
    expect([read.flagsMask, read.xfrmMask]).toEqual([~0x2n & ((1n << 64n) - 1n), ~0xe4n & ((1n << 64n) - 1n)]);
    expect(toHex(sigstructHash(bytes()))).toBe(sigstruct["hash_for_signature"]);
  });

  // One byte in each part that is signed or that must follow from what is.
  const parts: readonly (readonly [string, number])[] = [
    ["header", 0],
    ["date", 20],
    ["modulus", 200],
    ["exponent", 512],
    ["signature", 600],
    ["enclave hash", 970],
    ["product", 1025],
    ["first quotient", 1100],
    ["second quotient", 1500],
  ];
  for (const [part, at] of parts) {
    test(`a changed ${part} is refused`, () => {
      const changed = bytes();
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => verifySigstruct(changed)).toThrow(EvidenceRejected);
    });
  }

  const folder = mkdtempSync(join(tmpdir(), "qanat-sigstruct-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  /** A key of the vectors as a key file must be: readable by its owner only. */
  const keyFile = (name: string): string => {
    const path = join(folder, "key");
    rmSync(path, { force: true });
    writeFileSync(path, vectorBytes(`sgx/${name}`), { mode: 0o600 });
    return path;
  };

  test("the recorded SIGSTRUCT is made again, to the byte, from its key and what it says", () => {
    const enclave = usualDescription(fromHex(String(sigstruct["mr_enclave"])), {
      buildDate: "2016-01-09",
      debug: false,
    });
    const made = signSigstruct(enclave, readEnclaveKey(keyFile(String(sigstruct["key"]))));
    expect(toHex(made)).toBe(toHex(bytes()));
  });

  test("the well-known dummy key signs an enclave for debugging, and it verifies", () => {
    const enclave = usualDescription(new Uint8Array(32).fill(9), { buildDate: "2024-02-29", debug: true });
    const made = signSigstruct(enclave, readEnclaveKey(keyFile(fortanix_dummy.file)));
    expect(verifySigstruct(made)).toEqual({ ...enclave, mrSigner: fromHex(fortanix_dummy.mr_signer) });
  });

  test("another size is refused", () => {
    expect(() => verifySigstruct(bytes().subarray(1))).toThrow("1807 bytes");
  });

  test("the signer of the well-known dummy key is the hash of its modulus", () => {
    const key = new DerReader(vectorBytes(`sgx/${fortanix_dummy.file}`)).enter();
    key.readSmall(0);
    const modulus = key.readUnsigned();
    expect(toHex(sha256(modulus.slice().reverse()))).toBe(fortanix_dummy.mr_signer);
  });
});
