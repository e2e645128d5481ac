/** An imitation of the older attestation service: RSA keys, certificates and signed reports. */
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { concatBytes, toBase64, u16le, u32le, utf8 } from "#common/bytes.js";
import { type Certificate, parseCertificate } from "#common/tee/certificate.js";
import type { AvrBundle } from "#common/tee/quote.js";
import { bits, commonName, der, integer, oid, sequence, utcTime } from "./der-writer.ts";
import { authority, CERT_SIGN, DOCUMENT_SIGN, pem, type SgxFields, sgxReport } from "./issuer.ts";

const NULL = Uint8Array.of(5, 0);
const RSA_SHA256 = sequence(oid("2a864886f70d01010b"), NULL);
const RSA_KEY = sequence(oid("2a864886f70d010101"), NULL);

interface RsaKey {
  readonly privateKey: KeyObject;
  readonly info: Uint8Array;
}

function rsaKey(): RsaKey {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { n = "" } = publicKey.export({ format: "jwk" });
  const numbers = sequence(integer(new Uint8Array(Buffer.from(n, "base64url"))), integer(65537));
  return { privateKey, info: sequence(RSA_KEY, bits(numbers)) };
}

const sign = (key: RsaKey, message: Uint8Array): Uint8Array =>
  new Uint8Array(createSign("sha256").update(message).sign(key.privateKey));

function certify(subject: string, key: RsaKey, signer: RsaKey, extensions: readonly Uint8Array[]): Uint8Array {
  const validity = sequence(utcTime("200101000000Z"), utcTime("300101000000Z"));
  const names = [commonName("root"), validity, commonName(subject)];
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(1),
    RSA_SHA256,
    ...names,
    key.info,
    der(0xa3, sequence(...extensions)),
  );
  return sequence(tbs, RSA_SHA256, bits(sign(signer, tbs)));
}

/** The 432 bytes of a quote in a report. */
export function quoteOf(fields: SgxFields = {}, version = 2, groupId = 0x1234): Uint8Array {
  const head = concatBytes(u16le(version), u16le(0), u32le(groupId), new Uint8Array(40));
  return concatBytes(head, sgxReport(fields));
}

/** A report that is good where production enclaves count. */
export const REPORT: Readonly<Record<string, unknown>> = {
  id: "1",
  timestamp: "2024-06-01T00:00:00.123456",
  version: 4,
  isvEnclaveQuoteStatus: "OK",
  isvEnclaveQuoteBody: toBase64(quoteOf()),
  nonce: "abc",
};

export class ReportIssuer {
  readonly #root = rsaKey();
  readonly #signer = rsaKey();
  readonly root: Certificate;
  readonly #rootBytes: Uint8Array;
  readonly #leaf: Uint8Array;

  constructor() {
    this.#rootBytes = certify("root", this.#root, this.#root, [authority(0), CERT_SIGN]);
    this.#leaf = certify("signing", this.#signer, this.#root, [DOCUMENT_SIGN]);
    this.root = parseCertificate(this.#rootBytes);
  }

  /** A signed report; members that are undefined are left out. */
  bundle(report: Readonly<Record<string, unknown>>): AvrBundle {
    const body = utf8(JSON.stringify(report));
    const text = Buffer.from(pem(this.#leaf, this.#rootBytes)).toString("latin1");
    const certificateChain = utf8(encodeURIComponent(text));
    return { body, certificateChain, signature: utf8(toBase64(sign(this.#signer, body))) };
  }
}
