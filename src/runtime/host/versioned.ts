import { equalBytes, toHex } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import { EventHub, type Subscription } from "#common/event-hub.js";
import type { Log } from "#common/ports/log.js";
import { compareVersions, type Version, versionToText } from "#common/version.js";
import type { VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { CallFailure } from "../rhp/errors.js";
import type { AnswerOf, BodyValue, RuntimeInfoResponse, RuntimeRequestKind } from "../rhp/messages/index.js";
import { firstAttempt } from "./first-attempt.js";
import type { RuntimeHost, RuntimeHostEvent } from "./host.js";

/** What every hosted version is told, whichever of them does the work (runtime host protocol: fan-out). */
const FOR_ALL: ReadonlySet<RuntimeRequestKind> = new Set<RuntimeRequestKind>([
  "RuntimeConsensusSyncRequest",
  "RuntimeKeyManagerStatusUpdateRequest",
  "RuntimeKeyManagerQuotePolicyUpdateRequest",
]);

export interface VersionedHostOptions {
  readonly runtimeId: Uint8Array;
  /** Makes the host of a deployment's version; undefined as long as this node does not have the program. */
  readonly provision: (deployment: VersionInfo) => RuntimeHost | undefined;
  readonly log: Log;
}

/** The deployments that a node is to host: the one in force, and the one that is about to be. */
export interface WantedDeployments {
  readonly active: VersionInfo | undefined;
  readonly next: VersionInfo | undefined;
}

/** One version that is hosted. */
interface Hosted {
  readonly deployment: VersionInfo;
  readonly host: RuntimeHost;
  /** Whether it has ever run: until then nobody is told that this node has it. */
  ready: boolean;
  /** Requests that are being answered. */
  calls: number;
  /** Told when there are none left. */
  idle: (() => void) | undefined;
  /** Why it does not run, if its latest start failed. */
  trouble: StartTrouble | undefined;
}

/** Why a runtime does not run. */
export interface StartTrouble {
  readonly version: Version;
  /** Starts in a row that failed. */
  readonly starts: number;
  /** Of the latest. */
  readonly error: unknown;
}

/**
 * Hosts several versions of a runtime: the one that its deployments put in force answers, the one that comes next is
 * started ahead of its time, and those that are over are ended (runtime layer: provisioners, versions).
 */
export class VersionedHost implements RuntimeHost {
  readonly runtimeId: Uint8Array;
  private readonly hub = new EventHub<RuntimeHostEvent>();
  private hosted: readonly Hosted[] = [];
  private wanted: WantedDeployments = { active: undefined, next: undefined };
  private started = false;
  private stopped = false;
  /** Versions that are over but still answer what they were asked. */
  private readonly retiring = new Set<Hosted>();
  private readonly ending = new Set<Promise<void>>();

  /** @param changed called when the versions that this node can serve are others than before */
  constructor(
    private readonly options: VersionedHostOptions,
    private readonly changed: () => void = () => undefined,
  ) {
    this.runtimeId = options.runtimeId;
  }

  /** What the version in force said about itself; undefined while it does not run. */
  get info(): RuntimeInfoResponse | undefined {
    return this.active?.host.info;
  }

  /** Versions that this node can serve, now or once they are in force. */
  get versions(): readonly Version[] {
    return this.hosted.filter(({ ready }) => ready).map(({ deployment }) => deployment.version);
  }

  /** Why the version in force does not run, if its latest start failed. */
  get trouble(): StartTrouble | undefined {
    return this.active?.trouble;
  }

  private get active(): Hosted | undefined {
    return this.wanted.active && this.find(this.wanted.active);
  }

  private find(deployment: VersionInfo): Hosted | undefined {
    return this.hosted.find((hosted) => sameProgram(hosted.deployment, deployment));
  }

  /** Says which versions are to be hosted from now on. Programs that were missing are looked for again. */
  host(wanted: WantedDeployments): void {
    if (this.stopped) return;
    const before = this.active;
    const { active, next } = wanted;
    this.wanted = wanted;
    const needed = [active, next].filter((deployment) => deployment !== undefined);
    const over = this.hosted.filter(({ deployment }) => !needed.some((other) => sameProgram(deployment, other)));
    this.hosted = this.hosted.filter((hosted) => !over.includes(hosted));
    for (const deployment of needed) if (this.find(deployment) === undefined) this.add(deployment);
    const now = this.active;
    if (before !== now && this.started) this.switched(before, now);
    for (const hosted of over) this.retire(hosted);
    if (over.length > 0) this.changed();
  }

  private switched(before: Hosted | undefined, now: Hosted | undefined): void {
    if (before?.host.info !== undefined) this.hub.publish({ type: "stopped" });
    const info = now?.host.info;
    if (info !== undefined) this.hub.publish({ type: "started", version: info.runtimeVersion });
  }

  private add(deployment: VersionInfo): void {
    const host = this.options.provision(deployment);
    if (host === undefined) return;
    const hosted: Hosted = { deployment, host, ready: false, calls: 0, idle: undefined, trouble: undefined };
    this.hosted = [...this.hosted, hosted];
    void this.follow(hosted, host.watch());
    if (this.started) void this.begin(hosted);
  }

  /** Resolves when the version runs or its first start has failed. */
  private begin({ host, deployment }: Hosted): Promise<void> {
    const { log } = this.options;
    log.info("starting a version of the runtime", {
      version: versionToText(deployment.version),
      bundle: toHex(deployment.bundleChecksum),
    });
    return firstAttempt(host);
  }

  private async follow(hosted: Hosted, events: Subscription<RuntimeHostEvent>): Promise<void> {
    for await (const event of events) {
      if (event.type === "failed-to-start") {
        const { version } = hosted.deployment;
        hosted.trouble = { version, starts: (hosted.trouble?.starts ?? 0) + 1, error: event.error };
      } else hosted.trouble = undefined;
      if (event.type === "started" && !hosted.ready) {
        hosted.ready = true;
        this.changed();
      }
      if (this.active === hosted) this.hub.publish(event);
    }
  }

  /** Ends a version once it has answered what it was asked; each request has its own deadline. */
  private retire(hosted: Hosted): void {
    const { version } = hosted.deployment;
    this.options.log.info("version of the runtime is over", { version: versionToText(version) });
    this.retiring.add(hosted);
    hosted.idle = () => {
      if (this.retiring.delete(hosted)) this.end(hosted.host);
    };
    if (hosted.calls === 0) hosted.idle();
  }

  private end(host: RuntimeHost): void {
    const ended = host.stop().finally(() => this.ending.delete(ended));
    this.ending.add(ended);
  }

  /** Resolves when the version in force runs, or its first start has failed; at once when there is none. */
  async start(): Promise<void> {
    this.started = true;
    const { active } = this;
    const starts = this.hosted.map((hosted) => [hosted, this.begin(hosted)] as const);
    await starts.find(([hosted]) => hosted === active)?.[1];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const { host } of [...this.hosted, ...this.retiring]) this.end(host);
    this.hosted = [];
    this.retiring.clear();
    this.hub.close();
    await Promise.all(this.ending);
  }

  async call<K extends RuntimeRequestKind>(kind: K, value: BodyValue<K>, deadlineMs: number): Promise<AnswerOf<K>> {
    const { active } = this;
    if (FOR_ALL.has(kind)) this.tellOthers(active, kind, value, deadlineMs);
    if (active === undefined) throw new CallFailure("closed", `${kind}: no version of the runtime is hosted`);
    active.calls++;
    try {
      return await active.host.call(kind, value, deadlineMs);
    } finally {
      active.calls--;
      if (active.calls === 0) active.idle?.();
    }
  }

  private tellOthers<K extends RuntimeRequestKind>(
    active: Hosted | undefined,
    kind: K,
    value: BodyValue<K>,
    deadlineMs: number,
  ): void {
    for (const hosted of this.hosted) {
      if (hosted === active || hosted.host.info === undefined) continue;
      hosted.host.call(kind, value, deadlineMs).catch((error: unknown) => {
        const level = error instanceof CodedError || error instanceof CallFailure ? "debug" : "error";
        this.options.log[level]("the next version of the runtime does not follow", { error: String(error) });
      });
    }
  }

  async abort(force?: boolean): Promise<void> {
    await this.active?.host.abort(force);
  }

  watch(): Subscription<RuntimeHostEvent> {
    return this.hub.subscribe();
  }
}

/** A deployment may begin at another time than was said and still be the same program. */
function sameProgram(a: VersionInfo, b: VersionInfo): boolean {
  return compareVersions(a.version, b.version) === 0 && equalBytes(a.bundleChecksum, b.bundleChecksum);
}
