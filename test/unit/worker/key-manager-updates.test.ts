import { afterEach, expect, test } from "vitest";
import { keyValue } from "../../../examples/kv/kv.ts";
import { fromHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { QuotePolicy } from "#common/tee/quote-policy.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { RUNTIME_KEY_MANAGER } from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import type { Interference } from "./support/wrapped-host.ts";
import { ProgramNetwork } from "./support/program-network.ts";

const KEY_MANAGER = fromHex(`c0${"00".repeat(7)}${"ff".repeat(24)}`);
const CHECKSUM = new Uint8Array(32).fill(7);
/** What old constraints say without words: quotes of the older attestation service, under no conditions. */
const POLICY = QuotePolicy.decode(fromHex("a163696173a0"));

/** Gives the runtime a key manager in an enclave, of which the chain knows something. */
function withKeyManager({ registry, keymanager }: GenesisDocument): void {
  const [compute] = registry.runtimes ?? [];
  if (compute === null || compute === undefined) return expect.unreachable("no runtime");
  const enclaves = [{ mrEnclave: new Uint8Array(32).fill(1), mrSigner: new Uint8Array(32).fill(2) }];
  const tee = SgxConstraints.encode({ v: 0, enclaves, policy: POLICY, maxAttestationAge: 0n });
  const deployments = compute.deployments.map((deployment) => deployment && { ...deployment, tee });
  const own = { ...compute, id: KEY_MANAGER, kind: RUNTIME_KEY_MANAGER, teeHardware: TEE_INTEL_SGX, deployments };
  registry.runtimes = [compute, own];
  compute.keyManager = KEY_MANAGER;
  keymanager.statuses = [{ ...KeyManagerStatus.zero(), id: KEY_MANAGER, isInitialized: true, checksum: CHECKSUM }];
}

let net: ProgramNetwork | undefined;
afterEach(() => net?.stop());

interface Told {
  readonly statuses: KeyManagerStatus[];
  readonly policies: QuotePolicy[];
}

/** What a runtime was told of its key manager; the first few times it takes nothing. */
function recorder(refusals: number): { told: Told; interfere: Interference } {
  const told: Told = { statuses: [], policies: [] };
  let left = refusals;
  const interfere: Interference = async (kind, value, go) => {
    const { status, policy } = value as { status?: Uint8Array; policy?: Uint8Array };
    const isStatus = kind === "RuntimeKeyManagerStatusUpdateRequest";
    if (!isStatus && kind !== "RuntimeKeyManagerQuotePolicyUpdateRequest") return await go(value);
    if (isStatus) told.statuses.push(KeyManagerStatus.decode(status as Uint8Array));
    else told.policies.push(QuotePolicy.decode(policy as Uint8Array));
    if (left-- > 0) throw new CodedError("unknown", 1, "not yet");
    return {} as never;
  };
  return { told, interfere };
}

test("a runtime is told the status and the quote policy of its key manager, until it takes them", async () => {
  const { told, interfere } = recorder(3);
  const others: Interference = (_, value, go) => go(value);
  net = new ProgramNetwork(keyValue, {
    edit: withKeyManager,
    interfere: (node) => (node === "client-0" ? interfere : others),
  });
  await net.start();
  await net.until(() => told.statuses.length + told.policies.length >= 5);
  for (const status of told.statuses) expect(status).toMatchObject({ id: KEY_MANAGER, checksum: CHECKSUM });
  for (const policy of told.policies) expect(policy).toEqual(POLICY);
  const before = { statuses: told.statuses.length, policies: told.policies.length };
  await net.net.worker("client-0").host.abort(true);
  // A runtime that was started anew has forgotten both.
  await net.until(() => told.statuses.length > before.statuses && told.policies.length > before.policies);
});

test("a runtime is told the latest height as soon as it has started, and again when it was started anew", async () => {
  const lives: bigint[][] = [];
  const interfere: Interference = (kind, value, go) => {
    const { height } = value as { height?: bigint };
    if (kind === "RuntimeConsensusSyncRequest" && height !== undefined) lives.at(-1)?.push(height);
    return go(value);
  };
  const others: Interference = (_, value, go) => go(value);
  net = new ProgramNetwork(keyValue, { interfere: (node) => (node === "client-0" ? interfere : others) });
  lives.push([]);
  await net.start();
  await net.after(1n);
  const { host } = net.net.worker("client-0");
  const started = host.watch();
  const height = net.net.network.backend.latestHeight;
  lives.push([]);
  await host.abort(true);
  for await (const { type } of started) if (type === "started") break;
  await net.until(() => (lives[1]?.length ?? 0) > 0);
  expect(lives[0]?.[0]).toBeGreaterThan(0n);
  expect(lives[1]?.[0]).toBeGreaterThanOrEqual(height);
});

test("a runtime without a key manager is told nothing", async () => {
  const { told, interfere } = recorder(0);
  net = new ProgramNetwork(keyValue, { interfere: () => interfere });
  await net.start();
  await net.after(3n);
  expect(told).toEqual({ statuses: [], policies: [] });
});
