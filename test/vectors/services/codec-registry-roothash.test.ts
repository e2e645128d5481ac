import { expect, it } from "vitest";
import { fromHex, toHex } from "#common/bytes.js";
import { type Json, parseJson, printJson } from "#common/json.js";
import { Quantity } from "#common/quantity.js";
import type { Schema } from "#common/schema/index.js";
import { IasQuotePolicy, PcsQuotePolicy } from "#common/tee/quote-policy.js";
import { StatusUpdateEvent } from "#consensus/services/keymanager/events.js";
import { KeyManagerParameters } from "#consensus/services/keymanager/params.js";
import { ChurpCreate, ChurpStatus, ChurpUpdate } from "#consensus/services/keymanager/types/churp.js";
import { InitResponse, KeyManagerStatus } from "#consensus/services/keymanager/types/secrets.js";
import { RegistryParameters } from "#consensus/services/registry/params.js";
import { RuntimeAdmissionPolicy } from "#consensus/services/registry/types/admission.js";
import { Node } from "#consensus/services/registry/types/node.js";
import { Runtime } from "#consensus/services/registry/types/runtime.js";
import { NodeStatus } from "#consensus/services/registry/types/status.js";
import { SgxConstraints, TeeFeatures } from "#consensus/services/registry/types/tee.js";
import { GenesisRuntimeState, RootHashParameters } from "#consensus/services/roothash/params.js";
import {
  Block,
  ExecutorCommitmentHeader,
  IncomingMessage,
  IncomingMessageQueueMeta,
  LivenessStatistics,
  Message,
  MessageEvent,
  Pool,
  RoundResults,
  RoundRoots,
  RuntimeState,
} from "#consensus/services/roothash/types.js";
import { describeVectors, vectorText } from "../support/vectors.ts";

const TYPES: Record<string, Schema<unknown>> = {
  quantity: Quantity,
  "registry.ConsensusParameters": RegistryParameters,
  "registry.Runtime": Runtime,
  "registry.RuntimeAdmissionPolicy": RuntimeAdmissionPolicy,
  "registry.NodeStatus": NodeStatus,
  "node.Node": Node,
  "node.SGXConstraints": SgxConstraints,
  "node.TEEFeatures": TeeFeatures,
  "pcs.QuotePolicy": PcsQuotePolicy,
  "ias.QuotePolicy": IasQuotePolicy,
  "roothash.Block": Block,
  "commitment.Pool": Pool,
  "commitment.ExecutorCommitmentHeader": ExecutorCommitmentHeader,
  "roothash.RoundRoots": RoundRoots,
  "roothash.RoundResults": RoundResults,
  "roothash.MessageEvent": MessageEvent,
  "roothash.LivenessStatistics": LivenessStatistics,
  "roothash.RuntimeState": RuntimeState,
  "message.IncomingMessage": IncomingMessage,
  "message.IncomingMessageQueueMeta": IncomingMessageQueueMeta,
  "message.Message": Message,
  "roothash.ConsensusParameters": RootHashParameters,
  "roothash.GenesisRuntimeState": GenesisRuntimeState,
  "secrets.Status": KeyManagerStatus,
  "secrets.ConsensusParameters": KeyManagerParameters,
  "secrets.InitResponse": InitResponse,
  "secrets.StatusUpdateEvent": StatusUpdateEvent,
  "churp.Status": ChurpStatus,
  "churp.CreateRequest": ChurpCreate,
  "churp.UpdateRequest": ChurpUpdate,
};

type Case = { type: string; name: string; cbor: string; json: Json; encode_only?: boolean };

describeVectors("services/codec.json", () => {
  const { cases } = parseJson(vectorText("services/codec.json")) as unknown as { cases: Case[] };
  const known = cases.filter((c) => TYPES[c.type] !== undefined);

  it.each(known.map((c) => [c.type, c.name, c] as const))("%s: %s", (type, _name, c) => {
    const schema = TYPES[type] as Schema<unknown>;
    const value = c.encode_only === true ? schema.zero() : schema.decode(fromHex(c.cbor));
    expect(toHex(schema.encode(value))).toBe(c.cbor);
    expect(printJson(schema.toJson(value))).toBe(printJson(c.json));
    // The file notes where JSON loses something: addresses come back as 16 bytes.
    if (type !== "node.Node") expect(toHex(schema.encode(schema.fromJson(c.json)))).toBe(c.cbor);
  });
});
