import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Signer } from "#common/crypto/signature.js";
import { CodedError, InvalidInput, UNKNOWN_MODULE } from "#common/errors/index.js";
import { createClient, RpcCode, RpcError } from "#common/rpc/index.js";
import { lightMethods } from "#consensus/light/rpc.js";
import { beaconMethods } from "#consensus/services/beacon/rpc.js";
import { registryMethods } from "#consensus/services/registry/rpc.js";
import { rootHashMethods } from "#consensus/services/roothash/rpc.js";
import { developmentAccounts } from "#network/topology.js";
import { systemClock } from "#platform/clock.js";
import { systemEntropy } from "#platform/entropy.js";
import { nodeControllerMethods } from "#node/rpc/control-methods.js";
import { connectGrpc } from "#platform/grpc-client.js";
import { loadSigner } from "#platform/signer-file.js";
import { Sender } from "#sdk/send.js";

const SOCKET = "internal.sock";

/** Which node is asked. */
export interface NodeOptions {
  readonly node: string;
}

/** Who signs. */
export interface SignerOptions {
  readonly entity?: string;
  readonly testEntity: boolean;
  readonly maxFee?: string;
}

/** The part of a node's API that commands about runtimes and bundles use. */
export interface NodeConnection {
  readonly registry: ReturnType<typeof registryClient>;
  readonly rootHash: ReturnType<typeof rootHashClient>;
  epoch(): Promise<bigint>;
  /** Lets the node unpack a bundle. @param path as the node finds it */
  addBundle(path: string): Promise<void>;
  /** Sends transactions of a signer. @param maxFee most that one may cost, in base units */
  sender(signer: Signer, maxFee: bigint | undefined): Promise<Sender>;
}

type Channel = ReturnType<typeof connectGrpc>;
const registryClient = (channel: Channel) => createClient(registryMethods, channel);
const rootHashClient = (channel: Channel) => createClient(rootHashMethods, channel);

function socketOf(node: string): string {
  const path = resolve(node);
  if (!existsSync(path)) throw new InvalidInput("--node", `${node} does not exist`);
  if (!statSync(path).isDirectory()) return path;
  const socket = join(path, SOCKET);
  if (!existsSync(socket)) throw new InvalidInput("--node", `no node runs in ${node}: it has no ${SOCKET}`);
  return socket;
}

/**
 * Asks a node.
 *
 * @throws InvalidInput when there is no node, or what it answers is an error
 */
export async function withNode<T>({ node }: NodeOptions, use: (node: NodeConnection) => Promise<T>): Promise<T> {
  const channel = connectGrpc(socketOf(node));
  try {
    return await use({
      registry: registryClient(channel),
      rootHash: rootHashClient(channel),
      epoch: () => createClient(beaconMethods, channel).GetEpoch(0n),
      async addBundle(path) {
        await createClient(nodeControllerMethods, channel).AddBundle(path);
      },
      async sender(signer, maxFee) {
        const chainContext = await createClient(lightMethods, channel).GetChainContext(null);
        return new Sender({
          channel,
          signer,
          chainContext,
          clock: systemClock,
          ...(maxFee === undefined ? {} : { maxFee }),
        });
      },
    });
  } catch (error) {
    // Errors without a code say it all themselves.
    if (error instanceof CodedError && error.module === UNKNOWN_MODULE) throw new InvalidInput("node", error.message);
    if (error instanceof CodedError) {
      throw new InvalidInput("refused", `${error.message} (${error.module}/${error.code})${adviceOn(error)}`);
    }
    if (error instanceof RpcError) {
      const reason = error.code === RpcCode.unavailable ? `nobody answers at ${node}` : error.message;
      throw new InvalidInput("node", reason);
    }
    throw error;
  } finally {
    channel.close();
  }
}

/** What a user can do about the errors that are met most. */
const ADVICE: Readonly<Record<string, string>> = {
  "registry/12": "the descriptor belongs to another entity than the one that signs",
  "registry/16":
    "the network does not allow it, or the runtime governs itself (or the consensus layer does) and no entity may change it",
  "registry/18": "what is registered cannot be changed so; deployments must begin in an epoch to come",
  "staking/4": "the owner needs more stake in escrow",
  "consensus/transaction/1": "the account sent another transaction meanwhile",
  "consensus/transaction/2": "the account of the signer cannot pay the fee",
};

function adviceOn({ module, code }: CodedError): string {
  const advice = ADVICE[`${module}/${code}`];
  return advice === undefined ? "" : `: ${advice}`;
}

/** Who signs: the key of an entity, or the entity that all development networks know. */
export function signerOf({ entity, testEntity }: SignerOptions): Signer {
  if (testEntity === (entity !== undefined))
    throw new InvalidInput("--entity", "give either --entity or --test-entity");
  if (entity !== undefined) return loadSigner(entity, "entity", systemEntropy);
  const [test] = developmentAccounts(1);
  if (test === undefined) throw new InvalidInput("--test-entity", "there is none");
  return test.signer;
}
