import type { ErrorFactory } from "../../src/common/errors/index.ts";
import type { EventKind } from "../../src/consensus/app/events.ts";
import * as beaconErrors from "../../src/consensus/services/beacon/errors.ts";
import * as beaconEvents from "../../src/consensus/services/beacon/events.ts";
import * as governanceErrors from "../../src/consensus/services/governance/errors.ts";
import * as governanceEvents from "../../src/consensus/services/governance/events.ts";
import * as keymanagerErrors from "../../src/consensus/services/keymanager/errors.ts";
import * as keymanagerEvents from "../../src/consensus/services/keymanager/events.ts";
import * as registryErrors from "../../src/consensus/services/registry/errors.ts";
import * as registryEvents from "../../src/consensus/services/registry/events.ts";
import * as roothashErrors from "../../src/consensus/services/roothash/errors.ts";
import * as roothashEvents from "../../src/consensus/services/roothash/events.ts";
import * as schedulerEvents from "../../src/consensus/services/scheduler/events.ts";
import * as stakingErrors from "../../src/consensus/services/staking/errors.ts";
import * as stakingEvents from "../../src/consensus/services/staking/events.ts";
import * as upgradeErrors from "../../src/consensus/services/upgrades/errors.ts";
import * as vaultErrors from "../../src/consensus/services/vault/errors.ts";
import * as vaultEvents from "../../src/consensus/services/vault/events.ts";
import * as consensusErrors from "../../src/consensus/transaction/errors.ts";

/** An error of a table of the consensus layer. */
export interface ErrorEntry {
  /** As code names it: `stakingErrors.forbidden`. */
  readonly entry: string;
  /** As results carry it: `staking/5`. */
  readonly code: string;
  readonly text: string;
}

const ERROR_SLOTS: readonly Readonly<Record<string, unknown>>[] = [
  consensusErrors,
  stakingErrors,
  registryErrors,
  roothashErrors,
  governanceErrors,
  vaultErrors,
  beaconErrors,
  keymanagerErrors,
  upgradeErrors,
];

/** Every coded error of the consensus layer. */
export function allErrors(): ErrorEntry[] {
  const out: ErrorEntry[] = [];
  for (const slot of ERROR_SLOTS) {
    for (const [table, entries] of Object.entries(slot)) {
      if (typeof entries !== "object" || entries === null) continue;
      for (const [name, make] of Object.entries(entries as Readonly<Record<string, ErrorFactory>>)) {
        out.push({ entry: `${table}.${name}`, code: `${make.module}/${make.code}`, text: make().message });
      }
    }
  }
  return out;
}

const EVENT_SLOTS: readonly Readonly<Record<string, unknown>>[] = [
  beaconEvents,
  stakingEvents,
  registryEvents,
  schedulerEvents,
  governanceEvents,
  vaultEvents,
  keymanagerEvents,
  roothashEvents,
];

function isEventKind(value: unknown): value is EventKind<unknown> {
  return typeof value === "object" && value !== null && "kind" in value && "provable" in value;
}

/** Every kind of event of the consensus layer. */
export function allEvents(): EventKind<unknown>[] {
  const kinds = EVENT_SLOTS.flatMap((slot) => Object.values(slot).filter(isEventKind));
  // The members of a module have no order that all tools agree on.
  const order = ({ type, kind }: EventKind<unknown>): string => `${type} ${kind}`;
  return kinds.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
