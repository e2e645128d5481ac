import { equalBytes } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { Inbox } from "#common/inbox.js";
import { hasRoles, ROLE_VALIDATOR } from "#common/node-roles.js";
import type { Log } from "#common/ports/log.js";
import { EPOCH_INVALID } from "#consensus/app/context.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { decodeEvent } from "#consensus/app/events.js";
import { vrfEvent } from "#consensus/services/beacon/events.js";
import { getVrfState } from "#consensus/services/beacon/queries.js";
import { VrfProve } from "#consensus/services/beacon/types.js";
import { vrfParameters } from "#consensus/services/beacon/params.js";
import { getNode, loadNodeStatus, nodeList } from "#consensus/services/registry/state.js";
import type { Submitter } from "#consensus/submission.js";

export interface ProverOptions {
  readonly backend: Backend;
  readonly submitter: Submitter;
  /** The node's VRF key; it must be able to prove. */
  readonly vrf: Signer;
  readonly log: Log;
}

/** What is to be proved, and after which height. */
interface Task {
  readonly epoch: bigint;
  readonly alpha: Uint8Array;
  readonly submitAfter: bigint;
}

/** Proves the beacon's alpha once in every epoch, as soon as proofs are accepted (beacon: VRF). */
export class BeaconProver {
  private readonly inbox: Inbox<Task>;
  private task: Task | undefined;
  private unsubscribe: () => void = () => undefined;
  private stopping = false;

  constructor(private readonly options: ProverOptions) {
    this.inbox = new Inbox<Task>({
      capacity: 4,
      handle: (task) => this.prove(task),
      failed: (error) => {
        // Whatever was on its way when the node stops fails; nobody needs to hear of it.
        if (!this.stopping) options.log.warn("VRF proof was not accepted", { error: String(error) });
      },
    });
  }

  async start(): Promise<void> {
    this.unsubscribe = this.options.backend.onBlock((block) => this.check(block));
    this.task = this.openTask();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    await this.inbox.stop();
  }

  /** The task of the running epoch, unless the chain has this node's proof already. */
  private openTask(): Task | undefined {
    const { backend, submitter } = this.options;
    const state = getVrfState(backend.stateAt(0n));
    return state === undefined || state.pi.has(submitter.publicKey) ? undefined : state;
  }

  private check({ height, outcome }: CommittedBlock): void {
    for (const event of outcome.beginEvents) this.task = decodeEvent(vrfEvent, event) ?? this.task;
    // The very first epoch has its alpha since the first block and tells nobody.
    if (height === this.options.backend.app.initialHeight) this.task = this.openTask();
    const { task } = this;
    // The proof goes into the next block at the earliest.
    if (task === undefined || height + 1n <= task.submitAfter || !this.isRegistered()) return;
    if (!this.isWanted() || this.inbox.offer(task)) this.task = undefined;
  }

  private isRegistered(): boolean {
    return getNode(this.options.backend.stateAt(0n), this.options.submitter.publicKey) !== undefined;
  }

  /**
   * Whether the proof of a registered node is good for anything: it may be elected with it, or the alpha of the next
   * epoch needs it. Nodes that have just registered cannot be elected in the next epoch yet.
   */
  private isWanted(): boolean {
    const { backend, submitter } = this.options;
    const state = backend.stateAt(0n);
    if (loadNodeStatus(state, submitter.publicKey).electionEligibleAfter !== EPOCH_INVALID) return true;
    const { alphaHqThreshold } = vrfParameters(state);
    const validators = nodeList(state).filter(({ roles }) => hasRoles(roles, ROLE_VALIDATOR));
    const isValidator = validators.some(({ id }) => equalBytes(id, submitter.publicKey));
    return isValidator || BigInt(validators.length) < alphaHqThreshold;
  }

  private async prove({ epoch, alpha }: Task): Promise<void> {
    const pi = this.options.vrf.proveVrf?.(alpha);
    if (pi === undefined) return;
    await this.options.submitter.submit("beacon.VRFProve", VrfProve.encode({ epoch, pi }));
  }
}
