import { omitEmpty, struct } from "#common/schema/index.js";
import { defineEvent } from "../../app/events.js";
import { defineTopic } from "../../app/topics.js";
import { APP_NAME } from "./errors.js";
import { byteEnumList, CommitteeKind } from "./types.js";

export class ElectedEvent extends struct("ElectedEvent", { kinds: omitEmpty(byteEnumList(CommitteeKind)) }) {}

export const electedEvent = defineEvent(APP_NAME, "elected", ElectedEvent);

/** Committees are about to be elected for an epoch; root hash evaluates liveness first. */
export const beforeSchedule = defineTopic<bigint>("scheduler: before schedule");
