import { equalBytes, fromHex, toHex } from "#common/bytes.js";

import { expectObject, type Json, parseJson } from "#common/json.js";
import { MemoryNodeDb } from "#mkvs/db/memory.js";
import { Application } from "./app/app.js";
import type { BlockInput, BlockOutcome } from "./app/block-run.js";
import type { CommitVote, DebugSwitches, Misbehavior } from "./app/context.js";
import { STATE_NAMESPACE } from "./app/state-root.js";
import { Block } from "./block/block.js";
import { BlockIdFlag } from "./block/commit.js";
import { misbehaviorOf } from "./block/evidence.js";
import { lastResultsHash } from "./block/results.js";
import type { ValidatorSet } from "./block/validator.js";
import { applyValidatorUpdates, newValidatorSet, rotateProposer } from "./block/validator-set.js";
import type { GenesisDocument } from "./genesis/document.js";
import { genesisInput } from "./genesis/start.js";
import type { UpgradeDescriptor } from "./services/governance/types.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "./services/index.js";
import { UpgradeManager } from "./services/upgrades/index.js";
import type { AbciEvent } from "./transaction/results.js";

/** Flags under which the recordings were made. */
const RECORDING_FLAGS: DebugSwitches = { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true };

/** The first difference between a recording and our execution of it. */
export class ReplayDifference extends Error {
  constructor(
    readonly height: bigint,
    readonly what: string,
    readonly expected: string,
    readonly found: string,
  ) {
    super(`height ${height}: ${what} differs: recorded ${expected}, ours ${found}`);
    this.name = "ReplayDifference";
  }
}

type Member = { readonly [key: string]: Json };

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : String(value ?? "");
}

function items(value: Json | undefined): readonly Member[] {
  return Array.isArray(value) ? value.map((item: Json) => expectObject(item)) : [];
}

function recordedEvents(value: Json | undefined): string {
  return items(value)
    .map((event) => `${text(event.type)}{${items(event.attributes).map((a) => `${text(a.key)}=${text(a.value)}`)}}`)
    .join("\n");
}

function ourEvents(events: readonly AbciEvent[]): string {
  return events.map((e) => `${e.type}{${e.attributes.map((a) => `${a.key}=${a.value}`)}}`).join("\n");
}

/** Replays a recorded chain block by block on a fresh state machine. */
export class Replay {
  readonly app: Application;
  private previousSet: ValidatorSet | undefined;
  private currentSet: ValidatorSet;
  private nextSet: ValidatorSet;

  /** @param localUpgrades upgrades that the recorded nodes were told about outside the chain */
  constructor(document: GenesisDocument, localUpgrades: readonly UpgradeDescriptor[] = []) {
    const genesis = genesisInput(document);
    const upgrader = new UpgradeManager();
    for (const upgrade of localUpgrades) upgrader.submit(upgrade);
    this.app = new Application({
      services: EXECUTION_ORDER,
      subscriptionOrder: SUBSCRIPTION_ORDER,
      db: new MemoryNodeDb(STATE_NAMESPACE),
      genesis,
      debug: RECORDING_FLAGS,
      upgrader,
    });
    this.currentSet = newValidatorSet(genesis.validators);
    this.nextSet = rotateProposer(this.currentSet, 1);
  }

  private input(block: Block): BlockInput {
    const { header, lastCommit, evidence } = block;
    const votes = (this.previousSet?.validators ?? []).map(({ address }, i): CommitVote => {
      return { address, signed: lastCommit?.signatures[i]?.blockIdFlag !== BlockIdFlag.absent };
    });
    const misbehavior = evidence.evidence.flatMap(misbehaviorOf).map((m): Misbehavior => {
      const kind = m.type === "duplicateVote" ? "duplicate-vote" : "light-client-attack";
      return { kind, address: m.address, height: m.height };
    });
    const { height, time, proposerAddress } = header;
    return { height, time, proposerAddress, lastCommit: votes, misbehavior };
  }

  /**
   * Executes one recorded height and compares everything that was recorded of it.
   * @param line one line of `blocks.jsonl`
   * @throws ReplayDifference at the first difference, InvalidBlock when a root in the block is not ours
   */
  step(line: string): { height: bigint; transactions: number } {
    const record = expectObject(parseJson(line));
    const block = Block.decode(fromHex(text(record.block)));
    const { height, appHash } = block.header;
    if (!equalBytes(appHash, this.app.appHash)) {
      throw new ReplayDifference(height, "app hash before the block", toHex(appHash), toHex(this.app.appHash));
    }
    const outcome = this.app.execute(this.input(block), block.data.txs);
    this.compare(height, record, outcome);
    this.app.commit();
    this.previousSet = this.currentSet;
    this.currentSet = this.nextSet;
    this.nextSet = rotateProposer(applyValidatorUpdates(this.nextSet, outcome.validatorUpdates), 1);
    return { height, transactions: block.data.txs.length };
  }

  private compare(height: bigint, record: Member, outcome: BlockOutcome): void {
    const check = (what: string, expected: string, found: string): void => {
      if (expected !== found) throw new ReplayDifference(height, what, expected, found);
    };
    const results = items(record.tx_results);
    check("number of transaction results", String(results.length), String(outcome.results.length));
    check("events of BeginBlock", recordedEvents(record.begin_block_events), ourEvents(outcome.beginEvents));
    outcome.results.forEach((ours, i) => {
      const theirs = results[i] as Member;
      const where = `transaction ${i}`;
      check(
        `${where}: code`,
        `${text(theirs.codespace)}/${text(theirs.code)} ${text(theirs.log)}`.split(" ")[0] as string,
        `${ours.codespace}/${ours.code}`,
      );
      check(`${where}: gas wanted`, text(theirs.gas_wanted), ours.gasWanted.toString());
      check(`${where}: gas used`, text(theirs.gas_used), ours.gasUsed.toString());
      check(`${where}: data`, text(theirs.data), toHex(ours.data));
      check(`${where}: events`, recordedEvents(theirs.events), ourEvents(ours.events));
    });
    check("events of EndBlock", recordedEvents(record.end_block_events), ourEvents(outcome.endEvents));
    const updates = items(record.validator_updates).map((u) => `${text(u.pub_key)}=${text(u.power)}`);
    const found = outcome.validatorUpdates.map((u) => `${toHex(u.publicKey)}=${u.power}`);
    check("validator updates", updates.sort().join(), found.sort().join());
    check("app hash", text(record.app_hash), toHex(outcome.appHash));
    check("results hash", text(record.last_results_hash), toHex(lastResultsHash(outcome.results)));
  }
}
