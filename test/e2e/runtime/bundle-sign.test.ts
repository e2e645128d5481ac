import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "#common/bytes.js";
import { sha256 } from "#kernels";

const BIN = resolve("dist/qanat.mjs");
const ID = `80${"00".repeat(31)}`;
const folder = mkdtempSync(join(tmpdir(), "qanat-bundle-sign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function bundle(...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, [BIN, "bundle", ...args], (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const enclave = new TextEncoder().encode("an enclave");
let signer = "";

beforeAll(async () => {
  writeFileSync(at("program"), "a program");
  writeFileSync(at("program.sgxs"), enclave);
  const { code, out } = await bundle("key", at("key.pem"));
  expect(code).toBe(0);
  signer = /signer {2}([0-9a-f]{64})/.exec(out)?.[1] ?? "";
  const made = await bundle(
    "create",
    at("plain.orc"),
    ...`--id ${ID} --version 1.2.3`.split(" "),
    "--executable",
    at("program"),
    "--sgx-executable",
    at("program.sgxs"),
  );
  expect(made.err).toBe("");
});

describe("qanat bundle sign", () => {
  test("signs the enclave: the bundle verifies, names its signer, and is another one than before", async () => {
    expect(statSync(at("key.pem")).mode & 0o777).toBe(0o600);
    const before = JSON.parse((await bundle("inspect", "--json", at("plain.orc"))).out);
    expect(before.enclaves).toEqual([{ component: "ronl", mrEnclave: toHex(sha256(enclave)) }]);
    const signed = await bundle(
      "sign",
      at("plain.orc"),
      at("signed.orc"),
      "--key",
      at("key.pem"),
      ..."--build-date 2026-01-02 --product-id 7 --security-version 9".split(" "),
    );
    expect(signed.err).toBe("");
    const after = JSON.parse((await bundle("inspect", "--json", at("signed.orc"))).out);
    expect(after.enclaves).toEqual([{ component: "ronl", mrEnclave: toHex(sha256(enclave)), mrSigner: signer }]);
    expect(after.files.map((file: { name: string }) => file.name).sort()).toEqual([
      "program",
      "program.sgxs",
      "program.sgxs.sig",
    ]);
    expect(after.hash).not.toBe(before.hash);
    expect((await bundle("verify", at("signed.orc"), "--hash", after.hash, "--signer", signer)).code).toBe(0);
    expect((await bundle("verify", at("signed.orc"), "--signer", "00".repeat(32))).err).toContain("is signed by");
    expect((await bundle("verify", at("plain.orc"), "--signer", signer)).err).toContain("is signed by nobody");
  });

  test("signs again with the same key and date: the same archive; with another key: another signer", async () => {
    const options = ["--build-date", "2026-01-02"];
    await bundle("sign", at("plain.orc"), at("a.orc"), "--key", at("key.pem"), ...options);
    await bundle("sign", at("a.orc"), at("b.orc"), "--key", at("key.pem"), ...options);
    expect(readFileSync(at("b.orc"))).toEqual(readFileSync(at("a.orc")));
    await bundle("key", at("other.pem"));
    expect((await bundle("sign", at("a.orc"), at("c.orc"), "--key", at("other.pem"), ...options)).code).toBe(0);
    expect((await bundle("verify", at("c.orc"), "--signer", signer)).code).toBe(1);
  });

  test("refuses keys that others can read, of another kind, and none at all; no archive is left", async () => {
    copyFileSync(at("key.pem"), at("open.pem"));
    chmodSync(at("open.pem"), 0o644);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(at("small.pem"), privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
    writeFileSync(at("garbage.pem"), "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", { mode: 0o600 });
    for (const [key, reason] of [
      ["open.pem", "has mode 644, must be exactly 600"],
      ["small.pem", "does not hold an RSA key of 3072 bits with exponent 3"],
      ["garbage.pem", "does not hold a private key"],
      ["nowhere.pem", "does not exist"],
    ] as const) {
      const { code, err } = await bundle("sign", at("plain.orc"), at("refused.orc"), "--key", at(key));
      expect([code, err.trim().split("\n").length]).toEqual([1, 1]);
      expect(err).toContain(reason);
      expect(existsSync(at("refused.orc"))).toBe(false);
    }
    expect((await bundle("key", at("key.pem"))).err).toContain("already exists");
  });

  test("refuses a component that is not there or has no enclave", async () => {
    const unknown = await bundle(
      "sign",
      at("plain.orc"),
      at("x.orc"),
      "--key",
      at("key.pem"),
      "--component",
      "rofl.oracle",
    );
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("has no component rofl.oracle")]);
    await bundle("create", at("elf.orc"), "--id", ID, "--version", "1.0.0", "--executable", at("program"));
    const elf = await bundle("sign", at("elf.orc"), at("x.orc"), "--key", at("key.pem"));
    expect([elf.code, elf.err]).toEqual([2, expect.stringContaining("ronl has no SGX enclave")]);
  });
});
