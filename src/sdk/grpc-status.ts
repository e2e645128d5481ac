import type { RpcStatus } from "#common/rpc/index.js";
import { omitEmpty, struct, text, u32 } from "#common/schema/index.js";
import { bytes, int32, messages, text as textField } from "#consensus/block/proto/fields.js";
import { message } from "#consensus/block/proto/message.js";

/** Name of the metadata entry that carries an encoded google.rpc.Status. */
export const STATUS_DETAILS = "grpc-status-details-bin";

const MAX_TEXT = 65_536;

class ErrorDetails extends struct("ErrorDetails", {
  module: omitEmpty(text({ max: 256 })),
  code: omitEmpty(u32),
}) {}

interface Any {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
}

const Any = message<Any>("Any", { typeUrl: textField(1, MAX_TEXT), value: bytes(2, MAX_TEXT) });

const Status = message<Status>("Status", {
  code: int32(1),
  message: textField(2, MAX_TEXT),
  details: messages(3, Any, 16),
});

/** google.rpc.Status with the coded error in one Any without type (consensus core: gRPC); undefined if not coded. */
export function encodeStatusDetails(status: RpcStatus): Uint8Array | undefined {
  const { code, message, coded } = status;
  if (coded === undefined) return undefined;
  return Status.encode({ code, message, details: [{ typeUrl: "", value: ErrorDetails.encode(coded) }] });
}

/** The status that details stand for; without usable details, the plain one. */
export function decodeStatusDetails(code: number, message: string, details: Uint8Array | undefined): RpcStatus {
  if (details === undefined) return { code, message };
  const status = Status.decode(details);
  const [only, ...more] = status.details;
  if (only === undefined || more.length > 0) return { code, message };
  return { code, message: status.message, coded: ErrorDetails.decode(only.value, "rpc") };
}
