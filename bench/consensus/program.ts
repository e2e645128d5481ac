/** What the benchmark of the consensus layer runs, with the observed kernels in the place of the bare ones. */
export { measureGrpc } from "./grpc.ts";
export { growChain } from "./memory.ts";
export { measureReplays } from "./replays.ts";
export { measureTransfers } from "./transfers.ts";
