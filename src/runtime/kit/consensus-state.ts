import { runtimeAddress } from "#common/address.js";
import { DecodeError } from "#common/errors/index.js";
import { STATE_NAMESPACE, STATE_ROOT } from "#consensus/app/state-root.js";
import { beaconCell, epochOf } from "#consensus/services/beacon/state.js";
import { getStatus } from "#consensus/services/keymanager/state.js";
import type { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { getAnyRuntime, getNode, getRuntime } from "#consensus/services/registry/state.js";
import type { Node } from "#consensus/services/registry/types/node.js";
import type { Runtime } from "#consensus/services/registry/types/runtime.js";
import { getRoundRoots, getRuntimeState } from "#consensus/services/roothash/state.js";
import type { RoundRoots } from "#consensus/services/roothash/types.js";
import { getAccount, getDelegation, totalSupply } from "#consensus/services/staking/state/index.js";
import type { Account } from "#consensus/services/staking/types/account.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import type { Root } from "#mkvs/node/root.js";
import { Tree } from "#mkvs/tree/tree.js";
import { STORAGE_ENDPOINT } from "../rhp/messages/index.js";
import { verifierErrors } from "./errors.js";
import { type HostAsk, HostSyncer } from "./host-port.js";

/** Why nothing can be read where there is only state. */
export const NOBODY_TO_ASK = "this host does not show the consensus layer";

/** What is kept in memory of a fetched consensus state. */
const CACHE = { maxNodes: 20_000, maxValueBytes: 8 * 1024 * 1024 };

/** A state and the height of the block after which it is that. */
export interface OpenedState {
  readonly height: bigint;
  readonly reader: KeyValueReader;
}

/**
 * The state of the consensus layer after a block. It is fetched from the host as far as it is read, and each answer is
 * proved against the root. Changes of the state show here one round after they were made.
 */
export class ConsensusState {
  private opened: OpenedState | undefined;

  /** @param open called when something is read for the first time */
  constructor(private readonly open: () => OpenedState) {}

  /** What is read. @throws CodedError when the host cannot show it */
  get source(): OpenedState {
    this.opened ??= this.open();
    return this.opened;
  }

  /** Height of the block after which this is the state. */
  get height(): bigint {
    return this.source.height;
  }

  /** An account of the ledger; an empty one when there is none. */
  account(address: Uint8Array): Account {
    return this.query((state) => getAccount(state, address));
  }

  /** Tokens that an account can spend, in base units. */
  balance(address: Uint8Array): bigint {
    return this.account(address).general.balance;
  }

  /** What an account allows another one to withdraw, in base units. */
  allowance(owner: Uint8Array, beneficiary: Uint8Array): bigint {
    return this.account(owner).general.allowances.get(beneficiary) ?? 0n;
  }

  /** Shares that a delegator has of an escrow account. */
  delegatedShares(delegator: Uint8Array, escrow: Uint8Array): bigint {
    return this.query((state) => getDelegation(state, delegator, escrow).shares);
  }

  /** Tokens that a runtime's account can spend, in base units. */
  runtimeBalance(runtimeId: Uint8Array): bigint {
    return this.balance(runtimeAddress(runtimeId));
  }

  /** All tokens that there are, in base units. */
  get totalSupply(): bigint {
    return this.query((state) => totalSupply.get(state));
  }

  /** The epoch after the block. */
  get epoch(): bigint {
    return this.query((state) => epochOf(state).epoch);
  }

  /** The random beacon of the epoch, 32 bytes: nobody can choose it. Empty before the first one. */
  get beacon(): Uint8Array {
    return this.query((state) => beaconCell.get(state) ?? new Uint8Array(0));
  }

  /** The descriptor of a runtime that is not suspended. */
  runtime(runtimeId: Uint8Array): Runtime | undefined {
    return this.query((state) => getRuntime(state, runtimeId));
  }

  /** The descriptor of a runtime, whether it is suspended or not. */
  anyRuntime(runtimeId: Uint8Array): Runtime | undefined {
    return this.query((state) => getAnyRuntime(state, runtimeId));
  }

  /** The descriptor of a node, by its public key of 32 bytes. */
  node(nodeId: Uint8Array): Node | undefined {
    return this.query((state) => getNode(state, nodeId));
  }

  /** What is known of a key manager, by the identifier of its runtime. */
  keyManagerStatus(keyManagerId: Uint8Array): KeyManagerStatus | undefined {
    return this.query((state) => getStatus(state, keyManagerId));
  }

  /** State and I/O root of one of a runtime's past rounds, as far back as the consensus layer keeps them. */
  runtimeRoundRoots(runtimeId: Uint8Array, round: bigint): RoundRoots | undefined {
    return this.query((state) => getRoundRoots(state, runtimeId, round));
  }

  /** State root of a runtime's last block. */
  runtimeStateRoot(runtimeId: Uint8Array): Uint8Array | undefined {
    return this.query((state) => getRuntimeState(state, runtimeId)?.lastBlock?.header.stateRoot);
  }

  /**
   * Reads anything else of the state.
   *
   * @param view a pure function of the state's keys and values
   * @throws CodedError verifier/2 when the host's proof is wrong, or the host's own error
   */
  query<T>(view: (state: KeyValueReader) => T): T {
    try {
      return view(this.source.reader);
    } catch (error) {
      if (error instanceof DecodeError) throw verifierErrors.verificationFailed(error.message);
      throw error;
    }
  }
}

/** Opens states of the consensus layer at the host; the last one stays open, for it is read again and again. */
export class ConsensusTrees {
  private last: { readonly root: Root; readonly state: ConsensusState } | undefined;

  constructor(private readonly ask: HostAsk | undefined) {}

  /** The state after a block, whose root must be believed already. */
  open(height: bigint, hash: Uint8Array): ConsensusState {
    const { last } = this;
    if (last !== undefined && last.root.version === height && last.root.hash.join() === hash.join()) return last.state;
    if (this.ask === undefined) throw verifierErrors.stateRoot(NOBODY_TO_ASK);
    const root: Root = { namespace: STATE_NAMESPACE, version: height, type: STATE_ROOT, hash };
    const syncer = new HostSyncer(this.ask, STORAGE_ENDPOINT.consensus);
    const reader = new Tree({ syncer, root, writeLog: false, ...CACHE });
    const state = new ConsensusState(() => ({ height, reader }));
    this.last = { root, state };
    return state;
  }
}
