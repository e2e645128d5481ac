import { RUNTIME_HOST_PROTOCOL } from "#common/version.js";
import { Tree } from "#mkvs/tree/tree.js";
import { Dispatcher, type HostPort, type RuntimeProgram } from "#runtime/kit/index.js";
import { type Body, bodyOf, type BodyValue, type RuntimeExecuteTxBatchResponse } from "#runtime/rhp/messages/index.js";
import { type EmittedTag, IoTree } from "#runtime/transaction/io-tree.js";
import { RUNTIME_ID } from "./node.ts";

export const CHAIN_CONTEXT = "ab".repeat(32);

export const INFO: Body = bodyOf("RuntimeInfoRequest", {
  runtimeId: RUNTIME_ID,
  consensusBackend: "tendermint",
  consensusProtocolVersion: RUNTIME_HOST_PROTOCOL,
  consensusChainContext: CHAIN_CONTEXT,
});

/** A dispatcher that knows its host. */
export function introduced(program: RuntimeProgram, port: HostPort): Dispatcher {
  const dispatcher = new Dispatcher(program, port);
  dispatcher.handle(INFO);
  return dispatcher;
}

/** Carries out a batch. */
export function scheduled(
  dispatcher: Dispatcher,
  request: BodyValue<"RuntimeExecuteTxBatchRequest">,
): RuntimeExecuteTxBatchResponse {
  const body = dispatcher.handle(bodyOf("RuntimeExecuteTxBatchRequest", request));
  if (body.type !== "RuntimeExecuteTxBatchResponse") throw new TypeError(body.type);
  return body.value;
}

/** Everything that a batch has emitted. */
export function tagsOf({ batch, txInputWriteLog }: RuntimeExecuteTxBatchResponse): EmittedTag[] {
  const tree = new Tree();
  tree.applyWriteLog([...txInputWriteLog, ...batch.ioWriteLog]);
  return new IoTree(tree).tags();
}
