import { toHex, u64be } from "#common/bytes.js";
import type { Timer } from "#common/ports/clock.js";
import type { World } from "#common/ports/world.js";
import { struct, text, u64, u8 } from "#common/schema/index.js";
import { Call } from "#runtime/kit/call.js";

/** Arguments of the key-value runtime's `insert`. */
class Insert extends struct("Insert", {
  key: text({ max: 256 }),
  value: text({ max: 256 }),
  generation: u64,
  churpId: u8,
}) {}

const SENDER_SIZE = 32;
const KEYS = 100n;

export interface LoadOptions {
  readonly world: World;
  /** Time between transactions, in milliseconds. */
  readonly everyMs: number;
  /** Hands a transaction to the network; may reject. */
  readonly submit: (transaction: Uint8Array) => Promise<void>;
}

/** A trickle of key-value transactions, so that a network without users shows life. */
export class Load {
  private readonly sender: Uint8Array;
  private nonce = 0n;
  private timer: Timer | undefined;
  private running = false;
  private busy = false;

  constructor(private readonly options: LoadOptions) {
    // A sender of our own for every run: its nonces start at zero whatever the state holds.
    this.sender = options.world.entropy.bytes(SENDER_SIZE);
  }

  start(): void {
    this.running = true;
    this.tick();
  }

  stop(): void {
    this.running = false;
    this.timer?.cancel();
  }

  private tick(): void {
    if (!this.running) return;
    void this.submitOne();
    this.timer = this.options.world.clock.setTimer(this.options.everyMs, () => this.tick());
  }

  private async submitOne(): Promise<void> {
    // One at a time: a nonce is used up only when its transaction was taken, else all later ones would wait for it.
    if (this.busy) return;
    this.busy = true;
    const { nonce } = this;
    const key = `key-${nonce % KEYS}`;
    const args = Insert.encode({ key, value: toHex(u64be(nonce)), generation: 0n, churpId: 0 });
    try {
      await this.options.submit(Call.encode({ sender: this.sender, nonce, method: "insert", args }));
      this.nonce++;
    } catch (error) {
      this.options.world.log.debug("load transaction was not taken", { error: String(error) });
    } finally {
      this.busy = false;
    }
  }
}
