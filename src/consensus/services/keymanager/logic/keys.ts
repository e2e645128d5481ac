/** Keys of key manager enclaves, and what they sign (key manager: RAK and REK). */
import { equalBytes, fromHex } from "#common/bytes.js";
import { unknown } from "#common/errors/index.js";
import { SortedMap } from "#common/sorted-map.js";
import type { Node, NodeRuntime } from "../../registry/types/node.js";
import type { Runtime } from "../../registry/types/runtime.js";
import { TEE_INTEL_SGX, TEE_NONE } from "../../registry/types/tee.js";

/** The keys that every key manager without trusted hardware uses; a unit test derives them from their seeds. */
export const INSECURE_RAK: Uint8Array = fromHex("c7c277acfd0529a3495fe405cb9e1df1d8dcba490a060f5ec1d81e1ca0f84432");
export const INSECURE_REK: Uint8Array = fromHex("d9dfa375a98e505854e0b2d9d6f6bb00d64dae8c8b9cb3c1852a9dcf4d772b30");

/** The first entry of a node for a key manager, whatever its version. */
export function keyManagerEntry(node: Node, runtimeId: Uint8Array): NodeRuntime | undefined {
  return (node.runtimes ?? []).find((r) => r !== null && equalBytes(r.id, runtimeId)) ?? undefined;
}

/**
 * The key that the enclave of a node signs with.
 * @throws CodedError unknown/1
 */
export function attestationKey(entry: NodeRuntime | undefined, runtime: Runtime): Uint8Array {
  if (entry === undefined) throw unknown("keymanager: node is not a key manager");
  if (runtime.teeHardware === TEE_NONE) return INSECURE_RAK;
  if (runtime.teeHardware !== TEE_INTEL_SGX) throw unknown("keymanager: TEE hardware mismatch");
  if (entry.capabilities.tee === undefined) throw unknown("keymanager: node doesn't have TEE capability");
  return entry.capabilities.tee.rak;
}

/** The keys that secrets are encrypted to, each once. */
export function encryptionKeys(nodes: readonly Node[], runtime: Runtime): SortedMap<Uint8Array, true> {
  const keys = SortedMap.bytes<true>();
  for (const node of nodes) {
    const entry = keyManagerEntry(node, runtime.id);
    if (entry === undefined) continue;
    const rek = runtime.teeHardware === TEE_NONE ? INSECURE_REK : entry.capabilities.tee?.rek;
    if (rek !== undefined) keys.set(rek, true);
  }
  return keys;
}
