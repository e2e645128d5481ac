import { expect, test } from "vitest";
import { fromBase64, fromHex, toBase64, toHex } from "#common/bytes.js";
import { errorOf, methodPath, statusOf } from "#common/rpc/index.js";
import { nothing } from "#common/schema/index.js";
import { decodeStatusDetails, encodeStatusDetails } from "#sdk/grpc-status.js";
import { clientErrors } from "#worker/client/errors.js";
import { runtimeClientMethods } from "#worker/client/rpc.js";
import { describeVectors } from "../support/vectors.ts";

interface Data {
  readonly error_details: {
    readonly module: string;
    readonly code: number;
    readonly message: string;
    readonly detail_cbor: string;
    readonly grpc_status: number;
    readonly grpc_status_details_bin: string;
  };
  readonly nil_argument: { readonly go_client_message_body: string; readonly ts_web_client_message_body: string };
  readonly method_path: string;
  readonly get_block_request: string;
}

describeVectors<Data>("runtime/grpc.json", (data) => {
  test("a coded error travels in the details of its status", () => {
    const { module, code, message, detail_cbor, grpc_status, grpc_status_details_bin } = data.error_details;
    const status = statusOf(clientErrors.notFound());
    expect(status).toEqual({ code: grpc_status, message, coded: { module, code } });
    const details = encodeStatusDetails(status);
    expect(details).toBeDefined();
    expect(toBase64(details as Uint8Array)).toBe(grpc_status_details_bin);
    expect(toHex(details as Uint8Array)).toContain(detail_cbor);
    const received = decodeStatusDetails(grpc_status, "", fromBase64(grpc_status_details_bin));
    expect(received).toEqual(status);
    expect(clientErrors.notFound.is(errorOf(received))).toBe(true);
  });

  test("a method is called by the path of its service", () => {
    expect(methodPath(runtimeClientMethods.service, "GetBlock")).toBe(data.method_path);
  });

  test("a request has the recorded bytes", () => {
    const { request } = runtimeClientMethods.methods.GetBlock;
    const decoded = request.decode(fromHex(data.get_block_request), "rpc");
    expect(toHex(request.encode(decoded))).toBe(data.get_block_request);
    expect(decoded.round).toBe(0xffff_ffff_ffff_ffffn);
  });

  test("no argument is null, and an empty body means the same", () => {
    const { go_client_message_body, ts_web_client_message_body } = data.nil_argument;
    expect(toHex(nothing.encode(nothing.zero()))).toBe(go_client_message_body);
    expect(nothing.decode(fromHex(go_client_message_body), "rpc")).toEqual(nothing.zero());
    expect(ts_web_client_message_body).toBe("");
  });
});
