import type { Signer } from "#common/crypto/signature.js";
import { Inbox } from "#common/inbox.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import { getVrfState } from "#consensus/services/beacon/queries.js";
import { type VrfState, VrfProve } from "#consensus/services/beacon/types.js";
import { getNode } from "#consensus/services/registry/state.js";
import type { Submitter } from "#consensus/submission.js";

export interface ProverOptions {
  readonly backend: Backend;
  readonly submitter: Submitter;
  /** The node's VRF key; it must be able to prove. */
  readonly vrf: Signer;
  readonly log: Log;
}

/** Proves the beacon's alpha once in every epoch, as soon as proofs are accepted (beacon: VRF). */
export class BeaconProver {
  private readonly inbox: Inbox<VrfState>;
  private provedIn: bigint | undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(private readonly options: ProverOptions) {
    this.inbox = new Inbox<VrfState>({
      capacity: 4,
      handle: (state) => this.prove(state),
      failed: (error) => {
        options.log.warn("VRF proof was not accepted", { error: String(error) });
      },
    });
  }

  async start(): Promise<void> {
    this.unsubscribe = this.options.backend.onBlock(({ height }) => this.check(height));
    this.check(this.options.backend.latestHeight);
  }

  async stop(): Promise<void> {
    this.unsubscribe();
    await this.inbox.stop();
  }

  private check(height: bigint): void {
    const state = getVrfState(this.options.backend.stateAt(0n));
    if (state === undefined || state.epoch === this.provedIn) return;
    // The proof goes into the next block at the earliest.
    if (height + 1n <= state.submitAfter || !this.isRegistered()) return;
    if (state.pi.has(this.options.submitter.publicKey)) {
      this.provedIn = state.epoch;
      return;
    }
    if (this.inbox.offer(state)) this.provedIn = state.epoch;
  }

  private isRegistered(): boolean {
    return getNode(this.options.backend.stateAt(0n), this.options.submitter.publicKey) !== undefined;
  }

  private async prove(state: VrfState): Promise<void> {
    const pi = this.options.vrf.proveVrf?.(state.alpha);
    if (pi === undefined) return;
    await this.options.submitter.submit("beacon.VRFProve", VrfProve.encode({ epoch: state.epoch, pi }));
  }
}
