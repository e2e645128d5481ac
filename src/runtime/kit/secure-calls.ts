/** Calls through an encrypted session with an enclave, which this runtime is not (runtime host protocol: enclave RPC). */
import { type CodedError, DecodeError, defineErrors } from "#common/errors/index.js";
import { bytes, fixedBytes, raw, struct, text } from "#common/schema/index.js";
import { MAX_MESSAGE_BYTES } from "../rhp/messages/limits.js";

/** Answers of what keeps sessions apart. */
const sessionErrors = defineErrors("demux", {
  malformedPayload: [1, "malformed payload"],
  other: [4, "this runtime has no sessions"],
});

class SessionFrame extends struct("SessionFrame", {
  session: fixedBytes("SessionID", 32, { json: "hex" }),
  untrustedPlaintext: text({ max: 1024 }),
  payload: bytes({ max: MAX_MESSAGE_BYTES }),
}) {}

/** Why a call through a session is not carried out. @param encoded the frame, as the host says */
export function sessionRefusal(encoded: Uint8Array): CodedError {
  try {
    SessionFrame.decode(encoded, "runtime");
  } catch (error) {
    if (error instanceof DecodeError) return sessionErrors.malformedPayload(whatIsWrong(encoded, error));
    throw error;
  }
  return sessionErrors.other();
}

/** In the reference's few words. */
function whatIsWrong(encoded: Uint8Array, { reason }: DecodeError): string {
  try {
    raw.decode(encoded, "runtime");
  } catch (error) {
    if (error instanceof DecodeError) return "parsing failed";
    throw error;
  }
  return reason.startsWith("unknown field") ? "unknown field" : "unexpected type";
}
