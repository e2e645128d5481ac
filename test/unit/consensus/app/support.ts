import { addressFromPublicKey } from "#common/address.js";
import { fromHex } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import type { Schema } from "#common/schema/index.js";
import { Application } from "#consensus/app/app.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import type { BlockInput, BlockOutcome } from "#consensus/app/block-run.js";
import { consensusAddress } from "#consensus/block/block-id.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { genesisInput } from "#consensus/genesis/start.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import { nonceOf } from "#consensus/services/staking/queries.js";
import { UpgradeManager } from "#consensus/services/upgrades/index.js";
import type { TransactionResult } from "#consensus/transaction/results.js";
import { type Fee, signTransaction } from "#consensus/transaction/transaction.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { buildGenesis } from "#network/fixture.js";
import { type DevelopmentAccount, developmentAccounts, networkMembers } from "#network/topology.js";

export const RUNTIME_ID = fromHex(`80${"00".repeat(31)}`);
const MUCH_GAS: Fee = { amount: 0n, gas: 1_000_000n };
const MAX_BYTES = 4_000_000;

/** The state machine with all services on a small genesis, without an engine: blocks are made by hand. */
export class TestChain {
  readonly app: Application;
  readonly upgrades = new UpgradeManager();
  readonly accounts: readonly DevelopmentAccount[] = developmentAccounts(4);
  readonly genesis: GenesisDocument;
  private readonly members = networkMembers(new Uint8Array(32).fill(5), { validators: 2, computes: 2, clients: 0 });

  /** @param change what is different from the local network's document */
  constructor(change: (genesis: GenesisDocument) => void = () => undefined) {
    this.genesis = buildGenesis({
      members: this.members,
      accounts: this.accounts,
      committee: { primary: 1, backup: 1 },
      runtimeId: RUNTIME_ID,
      genesisTime: { seconds: 1_700_000_000n, nanos: 0 },
    });
    change(this.genesis);
    this.app = new Application({
      services: EXECUTION_ORDER,
      subscriptionOrder: SUBSCRIPTION_ORDER,
      db: new MemoryNodeDb(STATE_NAMESPACE),
      genesis: genesisInput(this.genesis),
      debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true },
      upgrader: this.upgrades,
    });
  }

  signer(i = 0): Signer {
    return (this.accounts[i] as DevelopmentAccount).signer;
  }

  address(i = 0): Uint8Array {
    return addressFromPublicKey(this.signer(i).publicKey);
  }

  /** Who proposes every block. */
  get proposer(): Signer {
    const [first] = this.members;
    if (first === undefined) throw new TypeError("a chain has members");
    return first.identity.consensus;
  }

  /** What the engine says about the next block. */
  get input(): BlockInput {
    const height = this.app.height + 1n;
    const addresses = this.members.filter((m) => m.kind === "validator").map((m) => m.identity.consensus.publicKey);
    return {
      height,
      time: { seconds: 1_700_000_000n + height, nanos: 0 },
      proposerAddress: consensusAddress(this.proposer.publicKey),
      lastCommit: height === 1n ? [] : addresses.map((key) => ({ address: consensusAddress(key), signed: true })),
      misbehavior: [],
    };
  }

  /** A signed transaction with the next nonce of an account, or with the given one. */
  raw(
    method: string,
    body: Uint8Array,
    options: { by?: number; nonce?: bigint; fee?: Fee | undefined } = {},
  ): Uint8Array {
    const { by = 0 } = options;
    const nonce = options.nonce ?? nonceOf(this.app.stateAt(0n), this.address(by));
    const fee = "fee" in options ? options.fee : MUCH_GAS;
    return signTransaction(this.signer(by), { nonce, fee, method, body }, this.app.chainContext);
  }

  /** Makes a block of these transactions and commits it. */
  block(...txs: readonly Uint8Array[]): BlockOutcome {
    const { input } = this;
    const all = this.app.propose(input, txs, MAX_BYTES, this.proposer);
    const outcome = this.app.execute(input, all);
    this.app.commit();
    return outcome;
  }

  /** Results of transactions in the next block, which is not kept. */
  tryOut(...txs: readonly Uint8Array[]): readonly TransactionResult[] {
    const { results } = this.app.examine(this.input, txs).outcome;
    return results;
  }

  /** How one transaction ends in the next block, which is not kept. */
  say<B>(
    method: string,
    schema: Schema<B>,
    body: B,
    options?: { by?: number; nonce?: bigint; fee?: Fee | undefined },
  ): string {
    const [result] = this.tryOut(this.raw(method, schema.encode(body), options));
    return result === undefined ? "nothing" : said(result);
  }
}

/** Module and code of a result, "ok" for success. */
export function said({ codespace, code }: { readonly codespace: string; readonly code: number }): string {
  return code === 0 ? "ok" : `${codespace}/${code}`;
}
