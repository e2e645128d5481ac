import { compareBytes } from "#common/bytes.js";
import { follow, type Handlers } from "#common/rpc/index.js";
import { eventType } from "#consensus/app/events.js";
import type { CommittedBlock } from "#consensus/backends/backend.js";
import { getEpoch } from "#consensus/services/beacon/queries.js";
import { APP_NAME } from "#consensus/services/registry/errors.js";
import { NODE_LIST_EPOCH, type RegistryEvent } from "#consensus/services/registry/events.js";
import { registryParameters } from "#consensus/services/registry/params.js";
import * as queries from "#consensus/services/registry/queries.js";
import type { NodeList, registryMethods } from "#consensus/services/registry/rpc.js";
import type { KeyValueReader } from "#mkvs/key-value.js";
import { carriers, type ChainView, readEvents } from "./chain-view.js";
import { orNull } from "./or-null.js";
import { watch } from "./watch.js";

const NODE_LIST_TYPE = eventType(APP_NAME);

/** The nodes of an epoch, by identifier. */
function nodeList(state: KeyValueReader): NodeList {
  const nodes = queries.nodes(state, getEpoch(state));
  return { nodes: orNull(nodes.sort((a, b) => compareBytes(a.id, b.id))) };
}

/** The node list, if a block begins a new one. */
function* newNodeLists(view: ChainView, block: CommittedBlock): Generator<NodeList, void, void> {
  for (const { event } of carriers(block)) {
    const marks = event.type === NODE_LIST_TYPE && event.attributes.some((a) => a.key === NODE_LIST_EPOCH);
    if (marks) yield nodeList(view.state(block.height));
  }
}

/** One part of the registry's events of a block. */
function* parts<A>(
  block: CommittedBlock,
  part: (event: RegistryEvent) => A | null | undefined,
): Generator<A, void, void> {
  for (const event of readEvents(block, queries.event)) {
    const found = part(event);
    if (found !== undefined && found !== null) yield found;
  }
}

/** Methods of the registry. */
export function registryHandlers(view: ChainView): Handlers<(typeof registryMethods)["methods"]> {
  return {
    GetEntity: ({ height, id }) => queries.entity(view.state(height), id),
    GetEntities: (height) => orNull(queries.entities(view.state(height))),
    GetNode({ height, id }) {
      const state = view.state(height);
      return queries.node(state, id, getEpoch(state));
    },
    GetNodes(height) {
      const state = view.state(height);
      return orNull(queries.nodes(state, getEpoch(state)));
    },
    GetNodeStatus: ({ height, id }) => queries.nodeStatus(view.state(height), id),
    GetNodeByConsensusAddress: ({ height, address }) => queries.nodeByConsensusAddress(view.state(height), address),
    GetRuntime: ({ height, id, includeSuspended }) => queries.runtime(view.state(height), id, includeSuspended),
    GetRuntimes: ({ height, includeSuspended }) => orNull(queries.runtimes(view.state(height), includeSuspended)),
    StateToGenesis: (height) => queries.toGenesis(view.state(height)),
    ConsensusParameters: (height) => registryParameters.load(view.state(height)),
    GetEvents: (height) => view.events(height, queries.event),
    WatchEntities: (_, call) => follow(call, view.follow(), (block) => parts(block, (event) => event.entity)),
    WatchNodes: (_, call) => follow(call, view.follow(), (block) => parts(block, (event) => event.node)),
    WatchNodeList: (_, call) =>
      watch(
        view,
        call,
        () => [nodeList(view.state(0n))],
        (block) => newNodeLists(view, block),
      ),
    WatchRuntimes: (_, call) =>
      watch(
        view,
        call,
        () => queries.runtimes(view.state(0n), true),
        (block) => parts(block, (event) => event.runtimeStarted?.runtime),
      ),
    WatchEvents: (_, call) => follow(call, view.follow(), (block) => readEvents(block, queries.event)),
  };
}
