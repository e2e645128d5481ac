import { follow, type Handlers } from "#common/rpc/index.js";
import { decodeEvent } from "#consensus/app/events.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import {
  churpCreateEvent,
  churpUpdateEvent,
  ephemeralSecretEvent,
  masterSecretEvent,
  statusEvent,
} from "#consensus/services/keymanager/events.js";
import * as queries from "#consensus/services/keymanager/queries.js";
import type { churpMethods, keyManagerSecretsMethods } from "#consensus/services/keymanager/rpc.js";
import type { AbciEvent } from "#consensus/transaction/results.js";
import { carriers, type ChainView } from "./chain-view.js";
import { orNull } from "./or-null.js";
import { watch } from "./watch.js";

/** What a block's events say, one by one; null and undefined say nothing. */
function* told<A>(
  block: CommittedBlock,
  read: (event: AbciEvent) => readonly (A | null | undefined)[],
): Generator<A, void, void> {
  for (const { event } of carriers(block)) {
    for (const found of read(event)) if (found !== null && found !== undefined) yield found;
  }
}

/** Methods of the key manager's secrets. */
export function secretsHandlers(view: ChainView): Handlers<(typeof keyManagerSecretsMethods)["methods"]> {
  return {
    // CHURP has methods of its own.
    StateToGenesis: (height) => ({ ...queries.toGenesis(view.state(height)), churp: undefined }),
    GetStatus: ({ height, id }) => queries.status(view.state(height), id),
    GetStatuses: (height) => orNull(queries.statuses(view.state(height))),
    GetMasterSecret: ({ height, id }) => queries.masterSecret(view.state(height), id),
    GetEphemeralSecret: ({ height, id }) => queries.ephemeralSecret(view.state(height), id),
    WatchStatuses: (_, call) =>
      watch(
        view,
        call,
        () => queries.statuses(view.state(0n)),
        (block) => told(block, (event) => decodeEvent(statusEvent, event)?.statuses ?? []),
      ),
    WatchMasterSecrets: (_, call) =>
      follow(call, view.follow(), (block) => told(block, (event) => [decodeEvent(masterSecretEvent, event)?.secret])),
    WatchEphemeralSecrets: (_, call) =>
      follow(call, view.follow(), (block) =>
        told(block, (event) => [decodeEvent(ephemeralSecretEvent, event)?.secret]),
      ),
  };
}

/** Methods of CHURP. */
export function churpHandlers(view: ChainView): Handlers<(typeof churpMethods)["methods"]> {
  return {
    StateToGenesis: (height) => queries.churpToGenesis(view.state(height)),
    ConsensusParameters: (height) => queries.churpConsensusParameters(view.state(height)),
    Status: ({ height, runtimeId, churpId }) => queries.churpStatus(view.state(height), runtimeId, churpId),
    Statuses: ({ height, id }) => orNull(queries.churpStatuses(view.state(height), id)),
    AllStatuses: (height) => orNull(queries.churpAllStatuses(view.state(height))),
    WatchStatuses: (_, call) =>
      watch(
        view,
        call,
        () => queries.churpAllStatuses(view.state(0n)),
        (block) =>
          told(block, (event) => [
            decodeEvent(churpCreateEvent, event)?.status,
            decodeEvent(churpUpdateEvent, event)?.status,
          ]),
      ),
  };
}
