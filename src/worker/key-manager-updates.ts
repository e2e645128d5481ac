import { equalBytes } from "#common/bytes.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import type { Subscription } from "#common/event-hub.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import { QuotePolicy } from "#common/tee/quote-policy.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { epochEvent } from "#consensus/services/beacon/events.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { statusEvent } from "#consensus/services/keymanager/events.js";
import { getStatus } from "#consensus/services/keymanager/state.js";
import { KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { runtimeStartedEvent } from "#consensus/services/registry/events.js";
import { getAnyRuntime, getRuntime } from "#consensus/services/registry/state.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import { type Runtime, VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { SgxConstraints, TEE_INTEL_SGX } from "#consensus/services/registry/types/tee.js";
import type { AbciEvent } from "#consensus/transaction/results.js";
import type { RuntimeHost, RuntimeHostEvent } from "#runtime/host/host.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import type { BodyValue, Features } from "#runtime/rhp/messages/index.js";
import { Newest } from "./component/newest.js";

/** How long a runtime may take for an update, in milliseconds. */
const DEADLINE_MS = 10_000;
/** Pause after an update that was not taken, in milliseconds, and how often one is sent at most. */
const RETRY_MS = 1000;
const MAX_TRIES = 16;

type UpdateKind = "RuntimeKeyManagerStatusUpdateRequest" | "RuntimeKeyManagerQuotePolicyUpdateRequest";
type Announced = "keyManagerStatusUpdates" | "keyManagerQuotePolicyUpdates";

export interface KeyManagerUpdatesOptions {
  readonly runtimeId: Uint8Array;
  readonly backend: Backend;
  /** Who is told. */
  readonly host: RuntimeHost;
  /** The on-chain part of the runtime: when it has started, everything is told again. */
  readonly ronl: RuntimeHost;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Tells a runtime what the chain says of its key manager: the status whenever it changes, the policy for quotes of its
 * enclaves when another version of it comes into force (runtime host protocol: push updates). While the runtime is busy
 * only the newest of each waits.
 */
export class KeyManagerUpdates {
  private readonly statuses: Newest<KeyManagerStatus>;
  private readonly policies: Newest<QuotePolicy>;
  /** 32 bytes; undefined as long as the runtime has none. */
  private keyManager: Uint8Array | undefined;
  private status: KeyManagerStatus | undefined;
  private policy: QuotePolicy | undefined;
  /** The version of the key manager from which the policy was read. */
  private deployment: VersionInfo | undefined;
  private detach: () => void = () => undefined;
  private events: Subscription<RuntimeHostEvent> | undefined;
  private following: Promise<void> = Promise.resolve();
  /** Ends of the pauses that are being made. */
  private readonly pauses = new Set<() => void>();
  private stopped = false;

  constructor(private readonly options: KeyManagerUpdatesOptions) {
    const failed = (error: unknown): void =>
      options.log.error("telling a runtime of its key manager failed", { error: String(error) });
    this.statuses = new Newest(
      (status) =>
        this.tell("RuntimeKeyManagerStatusUpdateRequest", "keyManagerStatusUpdates", {
          status: KeyManagerStatus.encode(status),
        }),
      failed,
    );
    this.policies = new Newest(
      (policy) =>
        this.tell("RuntimeKeyManagerQuotePolicyUpdateRequest", "keyManagerQuotePolicyUpdates", {
          policy: QuotePolicy.encode(policy),
        }),
      failed,
    );
  }

  start(): void {
    const { backend, ronl } = this.options;
    this.events = ronl.watch();
    this.following = this.follow(this.events);
    this.look();
    this.detach = backend.onBlock((block) => this.see(block));
  }

  /** Tells no more; what is being told is not repeated. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.detach();
    this.events?.close();
    for (const end of this.pauses) end();
    await Promise.all([this.following, this.statuses.stop(), this.policies.stop()]);
  }

  /** A runtime that was started anew knows nothing. */
  private async follow(events: Subscription<RuntimeHostEvent>): Promise<void> {
    for await (const { type } of events) {
      if (type !== "started") continue;
      if (this.status !== undefined) this.statuses.put(this.status);
      if (this.policy !== undefined) this.policies.put(this.policy);
    }
  }

  /** Finds the key manager, and what the chain says of it now. */
  private look(): void {
    const { backend, runtimeId } = this.options;
    const state = backend.stateAt(0n);
    this.keyManager ??= getAnyRuntime(state, runtimeId)?.keyManager;
    if (this.keyManager === undefined) return;
    if (this.status === undefined) this.take(getStatus(state, this.keyManager));
    const runtime = getRuntime(state, this.keyManager);
    if (runtime !== undefined) this.lookAtPolicy(runtime, getEpoch(state));
  }

  private see({ outcome }: CommittedBlock): void {
    const events = [
      ...outcome.beginEvents,
      ...outcome.results.flatMap((result) => result.events),
      ...outcome.endEvents,
    ];
    if (events.some((event) => this.concerns(event))) this.look();
    const id = this.keyManager;
    if (id === undefined) return;
    for (const event of events) {
      this.take(
        decodeEvent(statusEvent, event)?.statuses?.find((status) => status !== null && equalBytes(status.id, id)),
      );
    }
  }

  /** Whether the runtime may have a key manager, or its key manager another version, after an event. */
  private concerns(event: AbciEvent): boolean {
    if (decodeEvent(epochEvent, event) !== undefined) return true;
    if (this.keyManager !== undefined) return false;
    const id = decodeEvent(runtimeStartedEvent, event)?.runtime?.id;
    return id !== undefined && equalBytes(id, this.options.runtimeId);
  }

  private take(status: KeyManagerStatus | null | undefined): void {
    if (status === null || status === undefined) return;
    this.status = status;
    this.statuses.put(status);
  }

  private lookAtPolicy(keyManager: Runtime, epoch: bigint): void {
    const active = keyManager.teeHardware === TEE_INTEL_SGX ? activeDeployment(keyManager, epoch) : undefined;
    if (active === undefined || (this.deployment !== undefined && VersionInfo.equals(active, this.deployment))) return;
    this.deployment = active;
    this.policy = this.policyOf(active);
    if (this.policy !== undefined) this.policies.put(this.policy);
  }

  private policyOf({ tee }: VersionInfo): QuotePolicy | undefined {
    try {
      return SgxConstraints.decode(tee ?? new Uint8Array(0)).policy;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.options.log.error("malformed SGX constraints of the key manager", { error: error.message });
      return undefined;
    }
  }

  private async tell<K extends UpdateKind>(kind: K, announced: Announced, value: BodyValue<K>): Promise<void> {
    const { host, log } = this.options;
    for (let tries = 0; tries < MAX_TRIES && !this.stopped; tries++) {
      // One that does not run is told when it has started.
      const features: Features | undefined = host.info?.features;
      if (features?.[announced] !== true) return;
      try {
        await host.call(kind, value, DEADLINE_MS);
        return;
      } catch (error) {
        if (!(error instanceof CodedError || error instanceof CallFailure)) throw error;
        log.warn("runtime did not take an update of its key manager", { kind, error: error.message });
      }
      await this.pause();
    }
  }

  private async pause(): Promise<void> {
    if (this.stopped) return;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const timer = this.options.clock.setTimer(RETRY_MS, end);
    this.pauses.add(end);
    await over;
    this.pauses.delete(end);
    timer.cancel();
  }
}
