import { toBase64, toHex } from "#common/bytes.js";
import type { Clock } from "#common/ports/clock.js";
import type { TrustRoot } from "#consensus/light/client.js";
import type { Incident } from "#network/incidents.js";
import type { DevelopmentAccount } from "#network/topology.js";
import type { BatchCut } from "#worker/executor/storable.js";
import { addressFromPublicKey, addressToText } from "#common/address.js";
import { TOKEN } from "#network/fixture.js";
import { onOutput } from "../colours.js";

/** What is told when the network is ready. */
export interface ReadyReport {
  readonly grpc: string;
  readonly grpcWeb: string;
  /** Hexadecimal. */
  readonly chainContext: string;
  /** The latest block: what light clients may begin to trust from, since this process has made or checked it. */
  readonly trustRoot: TrustRoot;
  /** The runtime that the status line is about comes first; none on a network of validators only. */
  readonly runtimeIds: readonly Uint8Array[];
  readonly accounts: readonly DevelopmentAccount[];
  /** Milliseconds since the process began. */
  readonly readyMs: number;
}

export interface BlockReport {
  readonly height: bigint;
  readonly appHash: Uint8Array;
  readonly time: string;
  /** Transactions without the closing one of the proposer. */
  readonly transactions: number;
}

export interface RoundReport {
  readonly round: bigint;
  readonly transactions: number;
  readonly finalizedBy: string;
}

/** Something that does not happen where all nodes are honest and alive. */
export type IncidentReport = Incident & {
  /** Consensus height. */
  readonly height: bigint;
};

/** Storage nodes, by their names, whose receipts a final round has. */
export interface ReceiptsReport {
  readonly round: bigint;
  readonly signers: readonly string[];
}

/** What a scheduler, by its name, has left out of a batch. */
export interface CutReport extends BatchCut {
  readonly node: string;
}

/** The last word of a run; times are milliseconds since the process began, undefined for what did not happen. */
export interface SummaryReport {
  readonly firstBlockMs: number | undefined;
  readonly firstRoundMs: number | undefined;
  readonly blocks: number;
  readonly rounds: number;
  readonly transactions: number;
  readonly memoryMb: number;
  readonly appHash: Uint8Array;
}

/** How often things went wrong, and what it cost. */
export interface IncidentCounts {
  discrepancies: number;
  resolved: number;
  /** Base units of all entities together. */
  slashed: bigint;
}

/** What the status line shows. */
export interface Status {
  readonly height: bigint;
  readonly epoch: bigint;
  readonly round: bigint | undefined;
  readonly committee: string;
  /** Receipts of the last round and members of the storage committee; undefined where there is none. */
  readonly receipts: string | undefined;
  readonly blocks: number;
  readonly rounds: number;
  readonly transactions: number;
  readonly incidents: IncidentCounts;
}

/** Tells a person or a program what the network does. */
export interface Reporter {
  ready(report: ReadyReport): void;
  block(report: BlockReport, status: () => Status): void;
  round(report: RoundReport, status: () => Status): void;
  incident(report: IncidentReport): void;
  receipts(report: ReceiptsReport): void;
  cut(report: CutReport): void;
  summary(report: SummaryReport): void;
}

function accountFields({ seed, signer }: DevelopmentAccount): { address: string; seed: string } {
  return { address: addressToText(addressFromPublicKey(signer.publicKey)), seed: toHex(seed) };
}

/** An incident as fields of JSON; amounts are decimal words, as they exceed what numbers hold. */
function incidentFields(incident: IncidentReport): object {
  const height = Number(incident.height);
  switch (incident.type) {
    case "discrepancy":
      return { round: Number(incident.round), rank: Number(incident.rank), timeout: incident.timeout, height };
    case "resolved":
      return { round: Number(incident.round), height };
    case "suspended":
      return { round: Number(incident.round), cause: incident.cause, height };
    case "challenged": {
      const { round, node, challenge } = incident;
      return { round: Number(round), node: toBase64(node), challenge: toHex(challenge), height };
    }
    case "proven":
      return { node: toBase64(incident.node), challenge: toHex(incident.challenge), height };
    case "slashed": {
      const { entity, amount, reason } = incident;
      return { entity: addressToText(entity), amount: amount.toString(), reason, height };
    }
  }
}

function incidentWords(incident: IncidentReport): string {
  switch (incident.type) {
    case "discrepancy": {
      const why = incident.timeout ? "time was up" : "results differ";
      return onOutput.yellow(`discrepancy in round ${incident.round}: ${why} (scheduler of rank ${incident.rank})`);
    }
    case "resolved":
      return onOutput.green(`round ${incident.round} decided by the backup workers`);
    case "suspended":
      return onOutput.red(`runtime suspended in round ${incident.round}: ${incident.cause}`);
    case "challenged":
      return onOutput.yellow(`storage node ${toBase64(incident.node)} challenged for round ${incident.round}`);
    case "proven":
      return onOutput.green(`storage node ${toBase64(incident.node)} has proved that it has what it was asked for`);
    case "slashed":
      return onOutput.red(`${addressToText(incident.entity)} lost ${tokens(incident.amount)} for ${incident.reason}`);
  }
}

/** An amount in whole tokens. */
function tokens(amount: bigint): string {
  return `${amount / TOKEN} tokens`;
}

/** One JSON object per line. */
export function jsonReporter(write: (text: string) => void): Reporter {
  const line = (event: string, fields: object): void => write(`${JSON.stringify({ event, ...fields })}\n`);
  return {
    ready: ({ grpc, grpcWeb, chainContext, trustRoot, runtimeIds, accounts, readyMs }) =>
      line("ready", {
        grpc,
        grpc_web: grpcWeb,
        chain_context: chainContext,
        trust_root: { height: Number(trustRoot.height), hash: toHex(trustRoot.hash) },
        runtime_id: runtimeIds.map((id) => toHex(id))[0] ?? null,
        runtimes: runtimeIds.map((id) => toHex(id)),
        accounts: accounts.map(accountFields),
        ready_ms: readyMs,
      }),
    block: ({ height, appHash, time, transactions }) =>
      line("block", { height: Number(height), app_hash: toHex(appHash), time, transactions }),
    round: ({ round, transactions, finalizedBy }) =>
      line("round", { round: Number(round), transactions, finalized_by: finalizedBy }),
    incident: (report) => line(report.type, incidentFields(report)),
    receipts: ({ round, signers }) => line("receipts", { round: Number(round), signers }),
    cut: ({ round, node, problem, from, to, dropped }) =>
      dropped === undefined
        ? line("cut", { round: Number(round), node, problem, from, to })
        : line("dropped", { round: Number(round), node, problem, transaction: toHex(dropped) }),
    summary: ({ firstBlockMs, firstRoundMs, blocks, rounds, transactions, memoryMb, appHash }) =>
      line("summary", {
        first_block_ms: firstBlockMs ?? null,
        first_round_ms: firstRoundMs ?? null,
        blocks,
        rounds,
        transactions,
        memory_mb: memoryMb,
        app_hash: toHex(appHash),
      }),
  };
}

function statusLine(s: Status): string {
  const parts = [
    `height ${onOutput.bold(s.height.toString())}`,
    `epoch ${s.epoch}`,
    `round ${onOutput.bold(s.round?.toString() ?? "-")}`,
    `committee ${s.committee}`,
    ...(s.receipts === undefined ? [] : [`receipts ${s.receipts}`]),
    `transactions ${onOutput.bold(s.transactions.toString())}`,
  ];
  const { discrepancies, resolved, slashed } = s.incidents;
  if (discrepancies > 0) parts.push(onOutput.yellow(`disputed ${discrepancies}, decided by backups ${resolved}`));
  if (slashed > 0n) parts.push(onOutput.red(`slashed ${tokens(slashed)}`));
  return parts.join(onOutput.dim("  ·  "));
}

/** Shortest time between two drawings of the status line, in milliseconds. */
const REDRAW_MS = 100;

/** Text for a person; on a terminal the status line is rewritten in place, elsewhere it is printed now and then. */
export function textReporter(write: (text: string) => void, live: boolean, clock: Clock): Reporter {
  const quietEvery = 20n;
  let isReady = false;
  let drawnMs = 0;
  let lastHeight = 0n;
  const show = (status: () => Status): void => {
    const now = clock.nowMs();
    if (!isReady || now - drawnMs < REDRAW_MS) return;
    const s = status();
    if (!live && s.height - lastHeight < quietEvery) return;
    drawnMs = now;
    lastHeight = s.height;
    write(live ? `\r\u001b[2K${statusLine(s)}` : `${statusLine(s)}\n`);
  };
  return {
    ready({ grpc, grpcWeb, chainContext, trustRoot, runtimeIds, accounts, readyMs }) {
      isReady = true;
      const rows = accounts
        .map(accountFields)
        .map(({ address, seed }, i) => `  ${i}  ${address}  ${onOutput.dim(seed)}`);
      const lines = [
        `${onOutput.bold("qanat")} local network`,
        `  gRPC      unix:${grpc}`,
        `  gRPC-web  ${grpcWeb}`,
        `  chain     ${chainContext}`,
        `  block     ${trustRoot.height}:${toHex(trustRoot.hash)}`,
        ...runtimeIds.map((id) => `  runtime   ${toHex(id)}`),
        "",
        `${onOutput.bold("accounts")} ${onOutput.dim("(address, Ed25519 seed; the first is the well-known test entity)")}`,
        ...rows,
        "",
        onOutput.green(`ready in ${readyMs} ms`),
      ];
      write(`${lines.join("\n")}\n\n`);
    },
    block: (_, status) => show(status),
    round: (_, status) => show(status),
    incident(report) {
      if (isReady) write(`${live ? "\r\u001b[2K" : ""}${incidentWords(report)}\n`);
    },
    receipts: () => undefined,
    cut({ round, node, problem, dropped }) {
      // Smaller batches are nothing to worry about, so they are told of in the log only.
      if (!isReady || dropped === undefined) return;
      const words = `transaction ${toHex(dropped)} is dropped by ${node} in round ${round}: ${problem}`;
      write(`${live ? "\r\u001b[2K" : ""}${onOutput.red(words)}\n`);
    },
    summary({ blocks, rounds, transactions, memoryMb, firstRoundMs }) {
      const first = firstRoundMs === undefined ? "" : `, first round after ${firstRoundMs} ms`;
      const end = live ? "\n" : "";
      write(
        `${end}stopped: ${blocks} blocks, ${rounds} rounds, ${transactions} transactions, ${memoryMb} MB${first}\n`,
      );
    },
  };
}
