/** A node as its clients see it: queries and transfers through its gRPC socket, from one client process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressFromPublicKey } from "#common/address.js";
import type { Signer } from "#common/crypto/signature.js";
import { type Client, createClient } from "#common/rpc/index.js";
import { consensusMethods } from "#consensus/rpc.js";
import { stakingMethods } from "#consensus/services/staking/rpc.js";
import { Account } from "#consensus/services/staking/types/index.js";
import { Transfer } from "#consensus/services/staking/types/transactions.js";
import { SignedTransaction, signTransaction } from "#consensus/transaction/transaction.js";
import { developmentAccounts } from "#network/topology.js";
import { connectGrpc, type GrpcChannel } from "#platform/grpc-client.js";
import type { Figure } from "../support/bench.ts";
import { ServerProcess } from "./server-process.ts";

const SENDERS = 100;
const TRANSFERS = 10_000;
const WARM_UP = 2000;
const QUERIES = 20_000;
/** Calls that are under way at any time. */
const CONCURRENT = 100;
const ROUNDS = 3;
const WANTED_QUERIES = 8000;
const WANTED_TRANSFERS = 1500;

/** A server that does nothing but answer with as many bytes as an account has. */
const BARE_SERVER = `
const { Server, ServerCredentials } = require("@grpc/grpc-js");
const same = (bytes) => bytes;
const answer = Buffer.alloc(Number(process.argv[2]));
const server = new Server();
server.addService(
  { Answer: { path: "/bare/Answer", requestStream: false, responseStream: false, requestSerialize: same,
    requestDeserialize: same, responseSerialize: same, responseDeserialize: same } },
  { Answer: (call, respond) => respond(null, answer) },
);
server.bindAsync("unix:" + process.argv[1], ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  console.log(JSON.stringify({ socket: process.argv[1] }));
});
`;

/** Runs calls, so many at a time. @returns wall seconds */
async function timed(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  return (performance.now() - start) / 1000;
}

interface Load {
  readonly server: ServerProcess;
  readonly call: (i: number) => Promise<unknown>;
}

interface Rate {
  readonly perSecond: number;
  /** Microseconds of the server's processor per call. */
  readonly cpu: number | undefined;
}

async function rateOf({ server, call }: Load, count: number): Promise<Rate> {
  const before = server.cpuSeconds();
  const seconds = await timed(count, call);
  const after = server.cpuSeconds();
  const cpu = before === undefined || after === undefined ? undefined : ((after - before) / count) * 1e6;
  return { perSecond: count / seconds, cpu };
}

/** The better of several runs in turn, so that what else the machine does disturbs all alike. */
async function compare(loads: readonly Load[], count: number): Promise<Rate[]> {
  const best: Rate[] = loads.map(() => ({ perSecond: 0, cpu: undefined }));
  for (const load of loads) await rateOf(load, WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, load] of loads.entries()) {
      const rate = await rateOf(load, count);
      if (rate.perSecond > (best[i]?.perSecond ?? 0)) best[i] = rate;
    }
  }
  return best;
}

async function measureQueries(server: ServerProcess, channel: GrpcChannel, folder: string): Promise<Figure[]> {
  const owners = developmentAccounts(10).map(({ signer }) => addressFromPublicKey(signer.publicKey));
  const staking = createClient(stakingMethods, channel);
  const owner = (i: number): Uint8Array => owners[i % owners.length] as Uint8Array;
  const size = Account.encode(await staking.Account({ height: 0n, owner: owner(0) })).length;
  const bareServer = await ServerProcess.start(
    ["-e", BARE_SERVER, join(folder, "bare.sock"), `${size}`],
    ({ socket }) => (typeof socket === "string" ? socket : undefined),
  );
  const bareChannel = connectGrpc(bareServer.socket);
  const request = new Uint8Array(32);
  try {
    const [query, bare] = (await compare(
      [
        { server, call: (i) => staking.Account({ height: 0n, owner: owner(i) }) },
        { server: bareServer, call: () => bareChannel.unary("/bare/Answer", request, {}) },
      ],
      QUERIES,
    )) as [Rate, Rate];
    const to = `bare grpc-js (wanted: >= ${WANTED_QUERIES}/s where that makes 11000/s)`;
    const ratio = query.perSecond / bare.perSecond;
    return [
      { name: "Staking.Account through gRPC", unit: "/s", value: Math.round(query.perSecond), ratio, to },
      { name: "bare grpc-js", unit: "/s", value: Math.round(bare.perSecond) },
      ...cpuFigure("Staking.Account, server's processor", query),
      ...cpuFigure("bare grpc-js, server's processor", bare),
    ];
  } finally {
    bareChannel.close();
    await bareServer.stop();
  }
}

function cpuFigure(name: string, { cpu }: Rate): Figure[] {
  return cpu === undefined ? [] : [{ name, unit: "µs", value: Math.round(cpu) }];
}

const FEE = { amount: 0n, gas: 2000n };

/** Gives every sender something to send. */
async function fund(consensus: Client<typeof consensusMethods.methods>, senders: readonly Signer[], context: string) {
  const rich = developmentAccounts(1)[0]?.signer as Signer;
  const accountAddress = addressFromPublicKey(rich.publicKey);
  const first = await consensus.GetSignerNonce({ accountAddress, height: 0n });
  await Promise.all(
    senders.map(({ publicKey }, i) => {
      const body = Transfer.encode({ to: addressFromPublicKey(publicKey), amount: 1_000_000n });
      const tx = { nonce: first + BigInt(i), fee: FEE, method: "staking.Transfer", body };
      return consensus.SubmitTx(SignedTransaction.decode(signTransaction(rich, tx, context)));
    }),
  );
}

/** Every sender sends its next transfer as soon as its last one is in a block. */
async function measureTransfers(server: ServerProcess, channel: GrpcChannel): Promise<Figure[]> {
  const consensus = createClient(consensusMethods, channel);
  const context = await consensus.GetChainContext();
  const senders = developmentAccounts(10 + SENDERS)
    .slice(10)
    .map(({ signer }) => signer);
  await fund(consensus, senders, context);
  const to = addressFromPublicKey((senders[0] as Signer).publicKey);
  const body = Transfer.encode({ to, amount: 1n });
  const signed = (sender: number, nonce: number): SignedTransaction => {
    const tx = { nonce: BigInt(nonce), fee: FEE, method: "staking.Transfer", body };
    return SignedTransaction.decode(signTransaction(senders[sender] as Signer, tx, context));
  };
  const perSender = (WARM_UP + TRANSFERS) / SENDERS;
  const all = senders.map((_, sender) => Array.from({ length: perSender }, (_, nonce) => signed(sender, nonce)));
  const send = async (from: number, end: number): Promise<void> => {
    await Promise.all(
      all.map(async (list) => {
        for (const tx of list.slice(from, end)) await consensus.SubmitTx(tx);
      }),
    );
  };
  await send(0, WARM_UP / SENDERS);
  const [height, cpu] = [await consensus.GetLatestHeight(), server.cpuSeconds()];
  const start = performance.now();
  await send(WARM_UP / SENDERS, perSender);
  const seconds = (performance.now() - start) / 1000;
  const used = ((server.cpuSeconds() ?? 0) - (cpu ?? 0)) / TRANSFERS;
  const blocks = Number((await consensus.GetLatestHeight()) - height);
  const bare = 348;
  const rate = TRANSFERS / seconds;
  const wanted = `the reference with its blocks of a second, 348/s (wanted: >= ${WANTED_TRANSFERS}/s included)`;
  return [
    {
      name: `transfers through gRPC, ${SENDERS} senders`,
      unit: "/s",
      value: Math.round(rate),
      ratio: rate / bare,
      to: wanted,
    },
    { name: "transfers through gRPC, blocks", unit: "", value: blocks },
    ...cpuFigure("transfers through gRPC, server's processor", { perSecond: rate, cpu: used * 1e6 }),
  ];
}

/** @param root of the repository */
export async function measureGrpc(root: string): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "qanat-bench-grpc-"));
  const args = ["net", "--json", "--quiet-load", "--port", "0", "--data", join(folder, "data")];
  const server = await ServerProcess.start([join(root, "dist/qanat.mjs"), ...args], ({ event, grpc }) =>
    event === "ready" && typeof grpc === "string" ? grpc : undefined,
  );
  const channel = connectGrpc(server.socket);
  try {
    return [...(await measureTransfers(server, channel)), ...(await measureQueries(server, channel, folder))];
  } finally {
    channel.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
