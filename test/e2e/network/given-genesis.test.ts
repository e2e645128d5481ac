import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toBase64, toHex } from "#common/bytes.js";
import { MemorySigner } from "#common/crypto/signature.js";
import { timestampFromNanos } from "#consensus/block/timestamp.js";
import { chainContext, type GenesisDocument, printGenesis } from "#consensus/genesis/document.js";
import { buildGenesis } from "#network/fixture.js";
import { developmentAccounts, networkMembers, type OwnMember } from "#network/topology.js";
import { systemEntropy } from "#platform/entropy.js";
import { generateSigner } from "#platform/signer-file.js";
import { bundleRuntime } from "../runtime/support/bundle.ts";
import { processes } from "./support/processes.ts";
import { Qanat } from "./support/qanat.ts";

const VALIDATORS = 4;
const folder = mkdtempSync(join(tmpdir(), "qanat-given-"));
const keys = join(folder, "keys");
const file = join(folder, "genesis.json");
const runtimeId = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0x80 : 0));
let document: GenesisDocument;
let members: OwnMember[];
const qanat = processes("net", "--json", "--port", "0");

/** A network as somebody else would set one up: each node's keys in the files that nodes of the reference have. */
beforeAll(() => {
  const size = { validators: VALIDATORS, computes: 5, clients: 0 };
  members = networkMembers(systemEntropy.bytes(32), size).map((member): OwnMember => {
    const home = join(keys, "network", member.name);
    mkdirSync(home, { recursive: true });
    const make = (role: "node" | "p2p" | "consensus" | "vrf") => generateSigner(home, role, systemEntropy);
    const [node, p2p, consensus, vrf] = [make("node"), make("p2p"), make("consensus"), make("vrf")];
    const tls = MemorySigner.fromSeed(systemEntropy.bytes(32));
    return { ...member, identity: { node, p2p, consensus, vrf, tls } };
  });
  document = buildGenesis({
    members,
    accounts: developmentAccounts(1),
    committee: { primary: 2, backup: 1 },
    runtimeId,
    genesisTime: timestampFromNanos(1_700_000_000_000_000_000n),
  });
  writeFileSync(file, printGenesis(document));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const home = (name: string): string => join(keys, "network", name);
const consensusKey = (i: number): string => toBase64((members[i] as OwnMember).identity.consensus.publicKey);

describe("qanat net --genesis", () => {
  test("runs the network of a document with the keys of its validators, and goes on later", async () => {
    const data = join(folder, "data");
    const args = ["--genesis", file, "--keys", keys, "--data", data];
    const net = qanat(...args, "--block-interval", "20");
    const ready = await net.event("ready");
    expect(ready).toMatchObject({ chain_context: chainContext(document), runtime_id: null, accounts: [] });
    // Past the second epoch, which begins with registrations and proofs that the given keys have signed.
    await net.event("block", ({ height }) => Number(height) > 45);
    net.kill("SIGTERM");
    const { code, stderr } = await net.exited;
    expect({ code, errors: stderr.split("\n").filter((line) => !line.startsWith("note:")) }).toEqual({
      code: 0,
      errors: [""],
    });
    // Compute nodes run only where a runtime does.
    expect(stderr.match(/does not run: it is no validator, and without --runtime nothing else runs/g)).toHaveLength(5);
    const again = qanat("--keys", keys, "--data", data);
    expect(await again.event("ready")).toMatchObject({ chain_context: chainContext(document) });
    again.kill("SIGTERM");
    expect((await again.exited).code).toBe(0);
    const keyless = await qanat("--data", data).exited;
    expect(keyless.code).toBe(2);
    expect(keyless.stderr).toContain("--keys: keys of 4 of 4 validators are missing");
    const other = join(folder, "other.json");
    writeFileSync(other, readFileSync(file, "utf8").replace("qanat local network", "another"));
    const wrong = await qanat("--genesis", other, "--keys", keys, "--data", data).exited;
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("holds a network that began with another document");
    expect((await qanat("--genesis", file, "--own-validators", "--data", data).exited).stderr).toContain(
      "the folder holds a network with the validators of its document",
    );
  });

  test("names the validators whose keys are missing, and goes on without them where two thirds are there", async () => {
    const [first, second, third] = ["validator-0", "validator-1", "validator-2"].map(home) as [string, string, string];
    const few = await qanat("--genesis", file, "--keys", first, "--keys", second).exited;
    expect(few.code).toBe(2);
    expect(few.stderr).toMatch(
      /--keys: keys of 2 of 4 validators are missing; those that are here have \d+ of \d+ votes/,
    );
    expect(few.stderr).toContain("more than two thirds are needed");
    for (const i of [0, 1]) expect(few.stderr).not.toContain(consensusKey(i));
    for (const i of [2, 3]) expect(few.stderr).toContain(`validator ${consensusKey(i)} with`);
    const net = qanat("--genesis", file, "--keys", first, "--keys", second, "--keys", third);
    await net.event("block", ({ height }) => Number(height) > 1);
    net.kill("SIGTERM");
    const { code, stderr } = await net.exited;
    expect(code).toBe(0);
    expect(stderr).toContain("note: keys of 1 of 4 validators are missing");
    expect(stderr).toContain(consensusKey(3));
  });

  test("hosts a runtime of the document on the compute nodes of its entities", async () => {
    const script = await bundleRuntime("examples/kv/process.ts");
    const net = qanat("--genesis", file, "--keys", keys, "--runtime", script, "--runtime-host", "process");
    expect(await net.event("ready")).toMatchObject({ runtime_id: toHex(runtimeId) });
    net.kill("SIGTERM");
    expect((await net.exited).code).toBe(0);
  });

  test("makes another chain of a document with validators of its own, and says so", async () => {
    const data = join(folder, "own");
    const script = await bundleRuntime("examples/kv/process.ts");
    const args = [
      "--genesis",
      file,
      "--own-validators",
      "--data",
      data,
      "--runtime",
      script,
      "--runtime-host",
      "process",
    ];
    const net = qanat(...args);
    const ready = await net.event("ready");
    const context = String(ready["chain_context"]);
    expect(context).not.toBe(chainContext(document));
    net.kill("SIGTERM");
    const { code, stderr } = await net.exited;
    expect(code).toBe(0);
    expect(stderr).toContain(`ANOTHER CHAIN than the one of the document`);
    expect(stderr).toContain(`${context} instead of ${chainContext(document)}`);
    const again = qanat("--data", data);
    expect(await again.event("ready")).toMatchObject({ chain_context: context, runtime_id: null });
  });

  test("refuses what no network can start from", async () => {
    const said = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await qanat(...args).exited;
      expect(stderr).not.toContain("    at ");
      return `${code} ${stderr}`;
    };
    expect(await said("--genesis", join(folder, "nowhere"))).toMatch(/^2 error: --genesis: .* does not exist/);
    expect(await said("--own-validators")).toMatch(/^2 error: --own-validators: needs --genesis/);
    expect(await said("--keys", keys)).toMatch(/^2 error: --keys: needs --genesis/);
    expect(await said("--genesis", file, "--keys", folder, "--own-validators")).toMatch(
      /^2 [\s\S]*cannot be used with/,
    );
    expect(await said("--genesis", file, "--keys", join(folder, "x"))).toMatch(/^2 error: --keys: .* is not a folder/);
    const garbage = join(folder, "garbage.json");
    writeFileSync(garbage, "{");
    expect(await said("--genesis", garbage)).toMatch(/^2 error: --genesis: .*garbage\.json: JSON: /);
    const unsound = join(folder, "unsound.json");
    writeFileSync(unsound, readFileSync(file, "utf8").replace('"total_supply": "', '"total_supply": "1'));
    expect(await said("--genesis", unsound, "--keys", keys)).toMatch(
      /^2 error: --genesis: no network can start from .*supply/,
    );
    const stranger = join(folder, "stranger");
    mkdirSync(stranger);
    for (const role of ["node", "p2p", "consensus", "vrf"] as const) generateSigner(stranger, role, systemEntropy);
    expect(await said("--genesis", file, "--keys", stranger)).toMatch(/^2 error: --keys: none of these is a node/);
    rmSync(join(stranger, "vrf.pem"));
    expect(await said("--genesis", file, "--keys", stranger)).toMatch(/^1 error: .*vrf\.pem: does not exist/);
    const script = await bundleRuntime("examples/kv/process.ts");
    const elsewhere = join(folder, "elsewhere.orc");
    const id = `80${"00".repeat(30)}99`;
    const made = new Qanat("bundle", "create", elsewhere, "--id", id, "--version", "0.0.0", "--executable", script);
    expect((await made.exited).code).toBe(0);
    expect(await said("--genesis", file, "--keys", keys, "--runtime", elsewhere)).toMatch(
      new RegExp(`^2 error: --runtime: the document has no runtime ${id}`),
    );
  });
});
