/**
 * Off-chain logic beside the oracle: whenever somebody asks, it looks the answer up and reports it with a transaction.
 *
 * It shows events, reads of the runtime's state with proofs, a key that the node keeps for the component, and a query
 * that clients send to the component itself.
 */
import { addressFromPublicKey, Address, MemorySigner, nextNonce, noArguments, signCall, utf8 } from "qanat/runtime";
import {
  type ComponentHost,
  type ComponentProgram,
  componentQuery,
  defineComponent,
  onEvents,
} from "qanat/runtime/component";
import { events, questions, Report } from "./runtime.ts";

/** Where the node keeps the seed of the reporter's key. */
const SEED = utf8("reporter seed");

/** The key of this node's reporter: made once, and the same whenever the component is started. */
async function ownKey(host: ComponentHost): Promise<MemorySigner> {
  const kept = await host.load(SEED);
  if (kept !== undefined) return MemorySigner.fromSeed(kept);
  const seed = crypto.getRandomValues(new Uint8Array(32));
  await host.store(SEED, seed);
  return MemorySigner.fromSeed(seed);
}

/** @param lookUp finds the answer to a question; a question that it fails for is not reported on */
export function reporter(lookUp: (subject: Uint8Array) => Promise<bigint>): ComponentProgram {
  return defineComponent({
    version: { major: 0, minor: 1, patch: 0 },
    events: [
      onEvents({
        event: events.asked,
        async handle(host, asked, { block }) {
          const header = block?.header;
          if (header === undefined) return;
          const { runtimeId, chainContext } = host;
          const signer = await ownKey(host);
          for (const { value } of asked) {
            const { question } = value;
            const [found, nonce] = await host.readState(header, (state) => [
              questions.get(state, question),
              nextNonce(state, signer.publicKey),
            ]);
            if (found === undefined) continue;
            const args = Report.encode({ question, value: await lookUp(found.subject) });
            const call = signCall(signer, { nonce, method: "report", args }, { runtimeId, chainContext });
            // Refused unless the reporter's account has stake in escrow.
            await host.submit(call);
          }
        },
      }),
    ],
    queries: {
      /** Whom to delegate to, so that this reporter may report. */
      account: componentQuery({
        args: noArguments,
        result: Address,
        execute: async (host) => addressFromPublicKey((await ownKey(host)).publicKey),
      }),
    },
  });
}
