import { equalBytes } from "#common/bytes.js";
import { reasonOf } from "#common/errors/index.js";
import { Inbox } from "#common/inbox.js";
import { hasRoles, ROLE_STORAGE } from "#common/node-roles.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { compareVersions } from "#common/version.js";
import type { Backend } from "#consensus/backends/backend.js";
import { decodeEvent } from "#consensus/app/events.js";
import { epochEvent } from "#consensus/services/beacon/events.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { hasStorageCommittees } from "#consensus/services/registry/params.js";
import { getAnyRuntime, getNode } from "#consensus/services/registry/state.js";
import { MultiSignedNode } from "#consensus/services/registry/types/signed.js";
import type { Submitter } from "#consensus/submission.js";
import { type NodeOffer, signDescriptor } from "./descriptor.js";

/** Epochs that a registration lasts beyond the current one (node workers: registration). */
const EXPIRATION_EPOCHS = 2n;

export interface RegistrationOptions {
  readonly backend: Backend;
  readonly submitter: Submitter;
  readonly offer: NodeOffer;
  /** Runtimes and versions that the node can serve now; those of the offer when absent. */
  readonly runtimes?: () => NodeOffer["runtimes"];
  /** Whether all roles of the node are ready to serve; nothing is registered before. */
  readonly available: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** How the attempts to register have gone; times in Unix milliseconds. */
export interface RegistrationAttempts {
  readonly lastAttemptMs: number | undefined;
  readonly lastRegistrationMs: number | undefined;
  /** Why the last attempt failed; undefined when it succeeded. */
  readonly lastError: string | undefined;
}

/** Keeps the node registered: once when it is ready, then in every epoch. */
export class RegistrationWorker {
  private readonly inbox: Inbox<bigint>;
  private registeredIn: bigint | undefined;
  private unsubscribe: () => void = () => undefined;
  private running = false;
  private stopping = false;
  private made: RegistrationAttempts = {
    lastAttemptMs: undefined,
    lastRegistrationMs: undefined,
    lastError: undefined,
  };

  constructor(private readonly options: RegistrationOptions) {
    this.inbox = new Inbox<bigint>({
      capacity: 4,
      handle: (epoch) => this.register(epoch),
      failed: (error) => {
        this.registeredIn = undefined;
        this.made = { ...this.made, lastError: reasonOf(error) };
        // Whatever was on its way when the node stops fails; nobody needs to hear of it.
        if (!this.stopping) options.log.warn("registration failed", { error: String(error) });
      },
    });
  }

  /** How the attempts since the node started have gone. */
  get attempts(): RegistrationAttempts {
    return this.made;
  }

  async start(): Promise<void> {
    this.running = true;
    this.unsubscribe = this.options.backend.onBlock(({ outcome }) => {
      // Between epochs there is nothing to renew.
      const newEpoch = outcome.beginEvents.some((event) => decodeEvent(epochEvent, event) !== undefined);
      if (newEpoch || this.registeredIn === undefined) this.check();
    });
    this.check();
  }

  /** Registers again if what the node can serve is not what the chain holds. */
  renew(): void {
    if (!this.running || this.stopping) return;
    this.registeredIn = undefined;
    this.check();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.unsubscribe();
    await this.inbox.stop();
  }

  private check(): void {
    const { backend, available } = this.options;
    const epoch = getEpoch(backend.stateAt(0n));
    if (epoch === this.registeredIn || !available()) return;
    if (this.registeredIn === undefined && this.isCurrent(epoch)) {
      this.registeredIn = epoch;
      return;
    }
    if (this.inbox.offer(epoch)) this.registeredIn = epoch;
  }

  /** Whether the chain already holds a registration of this epoch, by genesis or from before a restart. */
  private isCurrent(epoch: bigint): boolean {
    const node = getNode(this.options.backend.stateAt(0n), this.options.offer.keys.node.publicKey);
    if (node === undefined || node.expiration < epoch + EXPIRATION_EPOCHS || node.roles !== this.roles) return false;
    return this.isWhatWeServe(node.runtimes ?? []);
  }

  /** Roles that count now: nobody may have the one of storage while none of its runtimes has storage committees. */
  private get roles(): number {
    const { offer, backend } = this.options;
    if (!hasRoles(offer.roles, ROLE_STORAGE)) return offer.roles;
    const state = backend.stateAt(0n);
    const stores =
      hasStorageCommittees(state) &&
      this.runtimes.some(({ id }) => getAnyRuntime(state, id)?.storage.committee !== undefined);
    return stores ? offer.roles : offer.roles & ~ROLE_STORAGE;
  }

  private get runtimes(): NodeOffer["runtimes"] {
    return this.options.runtimes?.() ?? this.options.offer.runtimes;
  }

  private isWhatWeServe(registered: readonly (NodeOffer["runtimes"][number] | null)[]): boolean {
    const { runtimes } = this;
    if (runtimes.length !== registered.length) return false;
    return runtimes.every(({ id, version }) =>
      registered.some((r) => r !== null && equalBytes(r.id, id) && compareVersions(r.version, version) === 0),
    );
  }

  private async register(epoch: bigint): Promise<void> {
    const { offer, submitter, clock, log } = this.options;
    const { roles, runtimes } = this;
    if (roles === 0) {
      log.info("nothing to register: no runtime of the node has storage committees", { epoch });
      return;
    }
    this.made = { ...this.made, lastAttemptMs: clock.nowMs() };
    const descriptor = signDescriptor({ ...offer, roles, runtimes }, epoch + EXPIRATION_EPOCHS);
    await submitter.submit("registry.RegisterNode", MultiSignedNode.encode(descriptor));
    this.made = { ...this.made, lastRegistrationMs: clock.nowMs(), lastError: undefined };
  }
}
