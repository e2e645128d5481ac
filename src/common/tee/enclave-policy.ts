/** Which enclaves a node accepts at all, whatever the policies of runtimes say (registry: TEE verification). */
import { equalBytes, fromHex } from "../bytes.js";
import { type TrustRoots, VENDOR_ROOTS } from "./vendor-roots.js";

/** Signer of every enclave that was signed with a well-known dummy key. */
const DUMMY_SIGNER = fromHex("9affcfae47b848ec2caf1c49b4b283531e1cc425f93582b36806e52a43d78d1a");

/** Switches of a node, equal on all nodes of a chain. */
export interface EnclavePolicy {
  readonly roots: TrustRoots;
  /** With debugging allowed only debug enclaves count; without, only production ones. */
  readonly debug: boolean;
  /** Whether no enclave of this signer (32 bytes) counts. */
  forbidsSigner(mrSigner: Uint8Array): boolean;
}

/** The policy for the switches of a node: without test keys, enclaves signed with the dummy key are refused. */
export function enclavePolicy(switches: { readonly debug: boolean; readonly testKeys: boolean }): EnclavePolicy {
  return {
    roots: VENDOR_ROOTS,
    debug: switches.debug,
    forbidsSigner: (mrSigner) => !switches.testKeys && equalBytes(mrSigner, DUMMY_SIGNER),
  };
}
