import { equalBytes } from "#common/bytes.js";
import { CodedError } from "#common/errors/index.js";
import type { Entropy } from "#common/ports/entropy.js";
import type { Root } from "#mkvs/node/root.js";
import { RecentNodes } from "#mkvs/node/recent-nodes.js";
import { Tree } from "#mkvs/tree/tree.js";
import { errorBody } from "../rhp/connection.js";
import { writeErrors } from "../rhp/errors.js";
import { MAX_MESSAGE_BYTES } from "../rhp/messages/limits.js";
import { type Body, Message, MESSAGE_TYPE, STORAGE_ENDPOINT } from "../rhp/messages/index.js";
import type { RuntimeProgram } from "./define-runtime.js";
import { Dispatcher } from "./dispatcher.js";
import { HostCalls, type HostChannel } from "./host-calls.js";
import { type HostAsk, type HostPort, HostSyncer } from "./host-port.js";

/** What is kept in memory of a fetched tree (runtime layer: runtime library surface). */
const CACHE = { maxNodes: 100_000, maxValueBytes: 32 * 1024 * 1024 };
/** Trees whose fetched parts are kept: checks, the execution of a round and queries mostly read the same few. */
const MAX_TREES = 4;

/** Trees of the host, the fetched parts of the last few kept. */
class FetchedTrees implements HostPort {
  /** Latest used last. */
  private trees: { readonly root: Root; readonly tree: Tree }[] = [];
  private readonly recent = new RecentNodes(CACHE.maxNodes);
  private readonly syncer: HostSyncer;

  constructor(
    readonly ask: HostAsk,
    readonly entropy: Entropy | undefined,
  ) {
    this.syncer = new HostSyncer(ask, STORAGE_ENDPOINT.runtime);
  }

  openTree(root: Root): Tree {
    const known = this.trees.find(
      (kept) => kept.root.version === root.version && equalBytes(kept.root.hash, root.hash),
    );
    const entry = known ?? { root, tree: this.fetch(root) };
    this.trees = [...this.trees.filter((kept) => kept !== known), entry].slice(-MAX_TREES);
    return entry.tree.fork();
  }

  /** What a batch has changed is most of what the next one reads. */
  executed(tree: Tree): void {
    tree.share(this.recent);
  }

  /** The uppermost node is read at once: what hangs below it is then shared by all that is made from this tree. */
  private fetch(root: Root): Tree {
    const tree = new Tree({ syncer: this.syncer, root, writeLog: false, recent: this.recent, ...CACHE });
    tree.get(new Uint8Array(0));
    return tree;
  }
}

/**
 * Runs a program for the host at the other end of a channel, one request after the other, until the host closes it.
 *
 * @param dropped told about each message that is not answered, and why
 * @param entropy numbers that the host cannot foresee; without them it need not prove that it shows the present
 * @throws whatever broke the program: its state is unknown then, and it must not go on
 */
export function serve(
  program: RuntimeProgram,
  channel: HostChannel,
  dropped: (reason: string) => void,
  entropy?: Entropy,
): void {
  const calls = new HostCalls(channel, dropped);
  const dispatcher = new Dispatcher(program, new FetchedTrees((kind, value) => calls.call(kind, value), entropy));
  for (let request = calls.nextRequest(); request !== undefined; request = calls.nextRequest()) {
    const { id } = request;
    const body = answer(dispatcher, request.body);
    const size = Message.encode({ id, messageType: MESSAGE_TYPE.response, body }).length;
    calls.respond(id, size > MAX_MESSAGE_BYTES ? errorBody(writeErrors.tooLarge()) : body);
  }
}

function answer(dispatcher: Dispatcher, request: Body): Body {
  try {
    return dispatcher.handle(request);
  } catch (error) {
    if (error instanceof CodedError) return errorBody(error);
    throw error;
  }
}
