import { equalBytes } from "#common/bytes.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { Backend, CommittedBlock } from "#consensus/backends/backend.js";
import { epochEvent } from "#consensus/services/beacon/events.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { runtimeStartedEvent } from "#consensus/services/registry/events.js";
import { getAnyRuntime } from "#consensus/services/registry/state.js";
import { activeDeployment } from "#consensus/services/registry/types/deployments.js";
import type { Runtime, VersionInfo } from "#consensus/services/registry/types/runtime.js";
import type { VersionedHost } from "#runtime/host/versioned.js";

/** So many epochs before a version comes into force it is started (runtime layer: provisioners, versions). */
const PRE_WARM_EPOCHS = 3n;

/** The first deployment that is about to begin. */
function nextDeployment({ deployments }: Runtime, epoch: bigint): VersionInfo | undefined {
  let next: VersionInfo | undefined;
  for (const deployment of deployments) {
    if (deployment === null || deployment.validFrom <= epoch) continue;
    if (deployment.validFrom > epoch + PRE_WARM_EPOCHS) continue;
    if (next === undefined || deployment.validFrom < next.validFrom) next = deployment;
  }
  return next;
}

/** Lets a node host what the deployments of a runtime ask for, from block to block. */
export class DeploymentFollower {
  private detach: () => void = () => undefined;

  constructor(
    private readonly backend: Backend,
    private readonly host: VersionedHost,
  ) {}

  /** Reads the latest state and follows the chain from then on. */
  start(): void {
    this.look();
    this.detach = this.backend.onBlock((block) => {
      if (this.concerns(block)) this.look();
    });
  }

  stop(): void {
    this.detach();
  }

  /** Whether deployments may be others after a block than before. */
  private concerns({ outcome }: CommittedBlock): boolean {
    if (outcome.beginEvents.some((event) => decodeEvent(epochEvent, event) !== undefined)) return true;
    const events = [
      ...outcome.beginEvents,
      ...outcome.results.flatMap((result) => result.events),
      ...outcome.endEvents,
    ];
    return events.some((event) => {
      const id = decodeEvent(runtimeStartedEvent, event)?.runtime?.id;
      return id !== undefined && equalBytes(id, this.host.runtimeId);
    });
  }

  /** Hosts what is wanted now, as far as this node has it. */
  look(): void {
    const state = this.backend.stateAt(0n);
    const runtime = getAnyRuntime(state, this.host.runtimeId);
    const epoch = getEpoch(state);
    const active = runtime && activeDeployment(runtime, epoch);
    this.host.host({ active, next: runtime && nextDeployment(runtime, epoch) });
  }
}
