import { Fault } from "#common/errors/index.js";
import { MemoryDisk } from "#common/memory-disk.js";
import type { Clock, Timer } from "#common/ports/clock.js";
import type { Disk, DiskTable } from "#common/ports/disk.js";
import { Application } from "#consensus/app/app.js";
import { STATE_NAMESPACE } from "#consensus/app/state-root.js";
import { DEFAULT_PACE, EmbeddedBackend } from "#consensus/backends/embedded/embedded.js";
import type { EvidenceParams } from "#consensus/block/params.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { engineBlockParams, genesisInput } from "#consensus/genesis/start.js";
import { EXECUTION_ORDER, SUBSCRIPTION_ORDER } from "#consensus/services/index.js";
import { DiskNodeDb } from "#mkvs/db/disk.js";
import { buildGenesis } from "#network/fixture.js";
import { developmentAccounts, type Member, networkMembers } from "#network/topology.js";
import { KeptLog } from "../../runtime/support/world.ts";

/** A clock that stands still; timers without delay fire when they are told to. */
export class StillClock implements Clock {
  private waiting: (() => void)[] = [];

  nowMs(): number {
    return 1_700_000_000_000;
  }

  setTimer(ms: number, callback: () => void): Timer {
    if (ms === 0) this.waiting.push(callback);
    return { cancel: () => void (this.waiting = this.waiting.filter((other) => other !== callback)) };
  }

  /** Fires what waits, and what that makes wait; at most so many. */
  run(most = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < most; i++) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      next();
    }
  }
}

/** The process was killed. */
export class Killed extends Error {}

/** A disk whose user is killed at one of its writes: what was not complete by then is not there afterwards. */
export class DeadlyDisk implements Disk {
  writes = 0;

  /** @param killAt number of the write that never happens */
  constructor(
    readonly inner: MemoryDisk,
    private readonly killAt: number,
  ) {}

  private write(): void {
    this.writes++;
    if (this.writes >= this.killAt) throw new Killed();
  }

  openTable(name: string): DiskTable {
    const table = this.inner.openTable(name);
    const write = (): void => this.write();
    return {
      get: (key) => table.get(key),
      lend: (key) => table.lend(key),
      has: (key) => table.has(key),
      range: (bounds) => table.range(bounds),
      put(key, value) {
        write();
        table.put(key, value);
      },
      delete(key) {
        write();
        return table.delete(key);
      },
    };
  }

  batch<T>(body: () => T): T {
    return this.inner.batch(body);
  }

  close(): void {
    this.inner.close();
  }
}

/** How a chain differs from the usual one. */
export interface HistoryOptions {
  readonly keep?: number;
  readonly change?: (genesis: GenesisDocument) => void;
  /** One if absent. */
  readonly validators?: number;
  readonly evidenceParams?: EvidenceParams;
}

/** A small chain with one validator or a few, on a disk that may hold some of it already. */
export class HistoryChain {
  readonly clock = new StillClock();
  readonly members: readonly Member[];
  readonly backend: EmbeddedBackend;
  readonly app: Application;
  private failure: Error | undefined;

  constructor(disk: Disk, options: HistoryOptions = {}) {
    const size = { validators: options.validators ?? 1, computes: 0, clients: 0 };
    const members = networkMembers(new Uint8Array(32).fill(3), size);
    this.members = members;
    const genesis = buildGenesis({
      members,
      accounts: developmentAccounts(20),
      committee: { primary: 1, backup: 0 },
      runtimeId: new Uint8Array(32).fill(128, 0, 1),
      genesisTime: { seconds: 1_700_000_000n, nanos: 0 },
    });
    options.change?.(genesis);
    const start = genesisInput(genesis);
    this.app = new Application({
      services: EXECUTION_ORDER,
      subscriptionOrder: SUBSCRIPTION_ORDER,
      db: new DiskNodeDb({ disk, name: "state", namespace: STATE_NAMESPACE }),
      genesis: start,
      debug: { dontBlameOasis: true, allowTestKeys: true, allowDebugEnclaves: true },
    });
    this.backend = new EmbeddedBackend({
      app: this.app,
      disk,
      clock: this.clock,
      log: new KeptLog(),
      genesisValidators: start.validators,
      genesisTime: start.time,
      blockParams: engineBlockParams(genesis),
      signers: members.map(({ identity }) => identity.consensus),
      pace: { ...DEFAULT_PACE, intervalMs: 1000 },
      keep: options.keep,
      ...(options.evidenceParams === undefined ? {} : { evidenceParams: options.evidenceParams }),
    });
    void this.backend.failed.then((error) => {
      this.failure = error;
    });
  }

  /** Makes blocks up to a height. @param between how many timers fire after each; all when absent */
  async upTo(height: bigint, between?: number): Promise<void> {
    await this.backend.start();
    await this.backend.produceUntil(
      () => this.backend.latestHeight >= height,
      async () => {
        this.clock.run(between);
        await Promise.resolve();
        await Promise.resolve();
        if (this.failure !== undefined) throw this.failure;
      },
    );
  }

  /** The heights of which everything can be read; throws when there is a hole. */
  kept(): { earliest: bigint; latest: bigint } {
    const { earliestHeight: earliest, latestHeight: latest } = this.backend;
    for (let height = earliest || 1n; height <= latest; height++) {
      if (this.backend.block(height)?.header.height !== height) throw new Fault(`block ${height} is missing`);
      if (this.backend.results(height) === undefined) throw new Fault(`results ${height} are missing`);
      if (this.backend.validators(height) === undefined) throw new Fault(`validators ${height} are missing`);
      const it = this.backend.stateAt(height).iterator();
      let entries = 0;
      for (it.seek(new Uint8Array(0)); it.valid; it.next()) entries++;
      if (entries < 50) throw new Fault(`state ${height} is incomplete`);
    }
    return { earliest, latest };
  }
}
