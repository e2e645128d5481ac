import { binaryText } from "#common/bytes.js";
import type { Signer } from "#common/crypto/signature.js";
import { CodedError, DecodeError } from "#common/errors/index.js";
import type { Subscription } from "#common/event-hub.js";
import type { Clock } from "#common/ports/clock.js";
import type { Log } from "#common/ports/log.js";
import type { Backend } from "#consensus/backends/backend.js";
import type { AnnotatedBlock } from "#consensus/services/roothash/types.js";
import type { RoundReader } from "#runtime/history/round-reader.js";
import { ComponentConfig, CONFIG_QUERY, Notifications } from "#runtime/component/config.js";
import { firstAttempt } from "#runtime/host/first-attempt.js";
import type { EnclaveCalls, HostEnvironment } from "#runtime/host/host-handler.js";
import type { RuntimeHost } from "#runtime/host/host.js";
import type { SupervisedSite } from "#runtime/host/supervised.js";
import { CallFailure } from "#runtime/rhp/errors.js";
import { RuntimeQueryRequest } from "#runtime/rhp/messages/index.js";
import type { RuntimeClient } from "../client/runtime-client.js";
import { ConsensusSync } from "../consensus-sync.js";
import { KeyManagerUpdates } from "../key-manager-updates.js";
import { type ComponentManagement, ManagementCalls } from "./management.js";
import { Newest } from "./newest.js";
import { ComponentCalls, ComponentStorage, Submissions } from "./services.js";

/** How long a component may take for what it is told, in milliseconds. */
const NOTIFY_DEADLINE_MS = 2000;

/** Components that come and go while the node runs. */
export interface ComponentFleet {
  add(offer: ComponentOffer): void;
  /** Resolves when nothing of the component is left. */
  remove(name: string): Promise<void>;
}

/** Off-chain logic beside a runtime (runtime layer: bundles). */
export interface ComponentOffer {
  /** 3 to 128 letters, digits, hyphens and underscores. */
  readonly name: string;
  /** Makes its host. Called once. */
  readonly provision: (site: SupervisedSite) => RuntimeHost;
  /** What the component may have the node do; nothing when absent. */
  readonly management?: ((fleet: ComponentFleet) => ComponentManagement) | undefined;
}

/** What all components beside one runtime have in common. */
export interface ComponentSurroundings {
  readonly runtimeId: Uint8Array;
  /** What the node offers to the runtime itself. */
  readonly environment: HostEnvironment;
  readonly backend: Backend;
  readonly client: RuntimeClient;
  readonly reader: RoundReader;
  /** The runtime that they belong to. */
  readonly ronl: RuntimeHost;
  /** The node's identity. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ComponentOptions extends ComponentOffer, ComponentSurroundings {
  readonly fleet: ComponentFleet;
}

/** Keeps a component running, tells it of blocks and events and submits its transactions. */
export class Component {
  readonly host: RuntimeHost;
  private readonly consensusSync: ConsensusSync;
  private readonly keyManagerUpdates: KeyManagerUpdates;
  private readonly blocks: Newest<AnnotatedBlock>;
  private readonly events: Newest<{ readonly block: AnnotatedBlock; readonly tags: Uint8Array[] }>;
  private readonly configs: Newest<"ask">;
  /** Known once the component has said what it wants; kept when it is started anew. */
  private wanted: Notifications | undefined;
  private watched: Subscription<AnnotatedBlock> | undefined;
  private starting: Promise<void> = Promise.resolve();
  private following: Promise<void> = Promise.resolve();

  constructor(private readonly options: ComponentOptions) {
    const { runtimeId, environment, backend, client, clock, log } = options;
    const register = (wanted: Notifications): void => void (this.wanted = wanted);
    this.host = options.provision({
      runtimeId,
      chainContext: backend.app.chainContext,
      environment: {
        ...environment,
        localStorage: new ComponentStorage(environment.localStorage, options.name),
        enclaves: this.enclaves(),
        component: new Submissions({ runtimeId, client, clock, register }),
        fetchTransactions: undefined,
      },
      clock,
      log,
    });
    this.consensusSync = new ConsensusSync(backend, this.host, clock, log);
    const told = { runtimeId, backend, host: this.host, ronl: options.ronl, clock, log };
    this.keyManagerUpdates = new KeyManagerUpdates(told);
    const failed = (error: unknown): void => this.notTold(error);
    this.blocks = new Newest((block) => this.notify({ runtimeBlock: block, runtimeEvent: undefined }), failed);
    this.events = new Newest((event) => this.notify({ runtimeBlock: undefined, runtimeEvent: event }), failed);
    this.configs = new Newest(() => this.askForConfig(), failed);
  }

  private enclaves(): EnclaveCalls {
    const { ronl, environment, management, fleet, runtimeId, name, signer } = this.options;
    const others = new ComponentCalls(ronl, environment.enclaves);
    if (management === undefined) return others;
    return new ManagementCalls({ runtimeId, name, management: management(fleet), signer, others });
  }

  /** Starts the component; nobody waits for it, for the runtime does without. */
  start(): void {
    this.starting = firstAttempt(this.host);
    this.consensusSync.start();
    this.keyManagerUpdates.start();
    this.watched = this.options.client.watchBlocks();
    this.following = this.follow(this.watched);
  }

  async stop(): Promise<void> {
    this.watched?.close();
    await this.following;
    // What is being told ends with the host.
    await this.host.stop();
    await this.starting;
    await Promise.all(
      [this.consensusSync, this.keyManagerUpdates, this.blocks, this.events, this.configs].map((part) => part.stop()),
    );
  }

  private async follow(blocks: Subscription<AnnotatedBlock>): Promise<void> {
    for await (const block of blocks) {
      if (this.host.info === undefined) continue;
      if (this.wanted === undefined) this.configs.put("ask");
      else this.tell(block, this.wanted);
    }
  }

  private tell(block: AnnotatedBlock, wanted: Notifications): void {
    if (wanted.blocks) this.blocks.put(block);
    if (wanted.events.length === 0 || block.block === null) return;
    const keys = new Set(wanted.events.map(binaryText));
    // A key comes once for each event that has it.
    const tags = this.options.reader
      .tags(block.block.header)
      .flatMap(({ key }) => (keys.has(binaryText(key)) ? key : []));
    if (tags.length > 0) this.events.put({ block, tags });
  }

  private async notify(value: Parameters<typeof this.host.call<"RuntimeNotifyRequest">>[1]): Promise<void> {
    await this.host.call("RuntimeNotifyRequest", value, NOTIFY_DEADLINE_MS);
  }

  /** Asked with each block until it is answered. */
  private async askForConfig(): Promise<void> {
    const query = { ...RuntimeQueryRequest.zero(), method: CONFIG_QUERY };
    const { data } = await this.host.call("RuntimeQueryRequest", query, NOTIFY_DEADLINE_MS);
    this.wanted ??= ComponentConfig.decode(data, "rpc").notifications;
  }

  private notTold(error: unknown): void {
    const expected = error instanceof CodedError || error instanceof CallFailure || error instanceof DecodeError;
    this.options.log[expected ? "warn" : "error"]("component was not told", { error: String(error) });
  }
}
