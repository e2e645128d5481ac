/** Expected results of the recorded evidence (`sgx/expectations.json`), as far as the tests read them. */
import { fromHex, fromUtf8, utf8 } from "#common/bytes.js";
import type { TcbBundle } from "#common/tee/quote.js";
import { PcsQuotePolicy } from "#common/tee/quote-policy.js";
import { vectorBytes } from "../support/vectors.ts";
import { rawMember } from "./raw-json.ts";

export interface PcsCase {
  readonly ts: number | "any";
  readonly ok: boolean;
  readonly policy?: {
    readonly tcb_validity_period?: number;
    readonly min_tcb_evaluation_data_number?: number;
    readonly fmspc_whitelist?: readonly string[];
    readonly fmspc_blacklist?: readonly string[];
    readonly tdx?: object;
  } | null;
  readonly mutate?: string;
  readonly mode?: string;
  readonly error?: string;
}

export interface PcsEntry {
  readonly quote?: string;
  readonly bundle?: string;
  readonly tcb_info?: string;
  readonly qe_identity?: string;
  readonly certs?: string;
  readonly parsed?: Readonly<Record<string, unknown>>;
  readonly cases: readonly PcsCase[];
}

export interface IasEntry {
  readonly body: string;
  readonly signature: string;
  readonly chain: string;
  readonly ts: number;
  readonly status: string;
  readonly version: number | string;
  readonly gid?: string;
  readonly mr_enclave?: string;
  readonly mr_signer?: string;
  readonly invalid_at_ts?: number;
}

export interface NodeEntry {
  readonly file: string;
  readonly validate_basic: string;
  readonly height?: number;
  readonly enclaves?: readonly { readonly mr_enclave: string; readonly mr_signer: string }[];
  readonly avr?: Readonly<Record<string, unknown>>;
}

export interface Expectations {
  readonly pcs: readonly PcsEntry[];
  readonly ias: readonly IasEntry[];
  readonly sigstruct: Readonly<Record<string, unknown>>;
  readonly fortanix_dummy: { readonly file: string; readonly mr_signer: string };
  readonly node: readonly NodeEntry[];
}

const at = (file: string): Uint8Array => vectorBytes(`sgx/${file}`);

function signedMember(file: string, member: string, mutation: (bytes: Uint8Array) => void) {
  const text = fromUtf8(at(file));
  const document = utf8(rawMember(text, member));
  mutation(document);
  return { document, signature: (JSON.parse(text) as { signature: string }).signature };
}

/** "raw tcbInfo object bytes[16] := 'x'" as a change of that document. */
function mutationOf(text: string, member: string): (bytes: Uint8Array) => void {
  const found = new RegExp(`raw ${member} object bytes\\[(\\d+)\\] := '(.)'`).exec(text);
  return (bytes) => {
    if (found !== null) bytes[Number(found[1])] = (found[2] as string).charCodeAt(0);
  };
}

/** The collateral of an entry, with the change that a case makes to it. */
export function collateralOf(entry: PcsEntry, mutate = ""): TcbBundle {
  const info = signedMember(entry.tcb_info as string, "tcbInfo", mutationOf(mutate, "tcbInfo"));
  const identity = signedMember(entry.qe_identity as string, "enclaveIdentity", mutationOf(mutate, "enclaveIdentity"));
  const certs = /certs := (\S+)/.exec(mutate)?.[1] ?? (entry.certs as string);
  return {
    tcbInfo: { tcbInfo: info.document, signature: info.signature },
    qeId: { enclaveIdentity: identity.document, signature: identity.signature },
    certs: certs === "empty" ? new Uint8Array(0) : at(certs),
  };
}

/** The policy of a case; its absent members are zero, as in the reference. */
export function policyOf({ policy }: PcsCase): PcsQuotePolicy | undefined {
  if (policy === null || policy === undefined) return undefined;
  return {
    ...PcsQuotePolicy.zero(),
    tcbValidityPeriod: policy.tcb_validity_period ?? 0,
    minTcbEvaluationDataNumber: policy.min_tcb_evaluation_data_number ?? 0,
    fmspcWhitelist: [...(policy.fmspc_whitelist ?? [])],
    fmspcBlacklist: [...(policy.fmspc_blacklist ?? [])],
    tdx: policy.tdx === undefined ? undefined : { allowedTdxModules: [] },
  };
}

/** What a parsed quote says about a byte string, in the notation of the file. */
export function hexIs(bytes: Uint8Array, text: unknown): boolean {
  if (typeof text !== "string") return text === undefined;
  const wanted = text.startsWith("all zero") ? "00".repeat(bytes.length) : text;
  return fromHex(wanted).every((byte, i) => byte === bytes[i]);
}
