import { randomBytes } from "node:crypto";
import { struct, text, u64, u8 } from "#common/schema/index.js";
import { Call } from "#runtime/kit/call.js";

/** ID of the local network's key-value runtime: the test flag and nothing else. */
export const RUNTIME_ID: Uint8Array = Uint8Array.of(0x80, ...new Array<number>(31).fill(0));

class Insert extends struct("Insert", {
  key: text({ max: 256 }),
  value: text({ max: 256 }),
  generation: u64,
  churpId: u8,
}) {}

const KEYS = 1000n;

/** One user of the key-value runtime: makes transactions that store values, with nonces of its own. */
export class Sender {
  private readonly id: Uint8Array = new Uint8Array(randomBytes(32));
  private nonce = 0n;

  next(): Uint8Array {
    const nonce = this.nonce++;
    const args = Insert.encode({ key: `key-${nonce % KEYS}`, value: `value ${nonce}`, generation: 0n, churpId: 0 });
    return Call.encode({ sender: this.id, nonce, method: "insert", args });
  }
}

/**
 * Lets senders submit for a while, each with one transaction outstanding.
 *
 * @param submit resolves when the transaction is in a round
 * @returns transactions per second
 */
export async function throughput(
  senders: number,
  seconds: number,
  submit: (transaction: Uint8Array) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const end = started + seconds * 1000;
  let done = 0;
  const work = async (sender: Sender): Promise<void> => {
    while (performance.now() < end) {
      await submit(sender.next());
      done++;
    }
  };
  await Promise.all(Array.from({ length: senders }, () => work(new Sender())));
  return done / ((performance.now() - started) / 1000);
}
