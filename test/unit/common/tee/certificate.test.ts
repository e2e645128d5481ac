import { describe, expect, test } from "vitest";
import { concatBytes, fromHex, utf8 } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { parseCertificate, parseCertificates } from "#common/tee/certificate.js";
import { verifyCertificate } from "#common/tee/certificate-chain.js";
import { EvidenceRejected } from "#common/tee/evidence-rejected.js";
import { bits, integer, octets, oid, sequence } from "./support/der-writer.ts";
import {
  assemble,
  authority,
  CERT_SIGN,
  certificate,
  type CertificateOptions,
  CERTIFICATES,
  derSignature,
  DOCUMENT_SIGN,
  extension,
  KEYS,
  keyOf,
  mirrored,
  NOW,
  pem,
  rootCertificate,
  signRaw,
  tbsCertificate,
} from "./support/issuer.ts";

const root = rootCertificate();
const options: CertificateOptions = CERTIFICATES.platform;
const tbs = tbsCertificate(options);
const numbers = signRaw(options.signer, tbs);
const signature = derSignature(numbers);

interface Chain {
  readonly leaf?: Uint8Array;
  readonly above?: Partial<CertificateOptions>;
  readonly seconds?: bigint;
  readonly nanos?: number;
}

function verify({ leaf = certificate(options), above = {}, seconds = NOW.seconds, nanos = 0 }: Chain): void {
  const intermediate = parseCertificate(certificate({ ...CERTIFICATES.authority, ...above }));
  verifyCertificate(parseCertificate(leaf), intermediate, root, { seconds, nanos });
}

/** Moves bits to the left, as if the first ones had been left out. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  return bytes.map((byte, i) => (byte << by) | ((bytes[i + 1] ?? 0) >> (8 - by)));
}

describe("what is not signed in a certificate", () => {
  const accepted: Readonly<Record<string, Uint8Array>> = {
    "anything after the signature": assemble(tbs, bits(signature), octets(fromHex("0102")), fromHex("ff")),
    "a signature whose bits end inside a byte": assemble(tbs, bits(shifted(signature, 2), 2)),
    "the mirrored signature": assemble(tbs, bits(derSignature(mirrored(numbers)))),
  };
  for (const [what, leaf] of Object.entries(accepted)) {
    test(`may be ${what}`, () => verify({ leaf }));
  }

  const refused: Readonly<Record<string, Uint8Array>> = {
    "bytes after the certificate": concatBytes(certificate(options), Uint8Array.of(0)),
    "another algorithm than inside": sequence(tbs, sequence(oid("2a864886f70d01010b")), bits(signature)),
    "parameters that the algorithm inside lacks": sequence(
      tbs,
      sequence(oid("2a8648ce3d040302"), fromHex("0500")),
      bits(signature),
    ),
    "bytes after the signature's numbers": assemble(tbs, bits(concatBytes(signature, Uint8Array.of(0)))),
    "a third number": assemble(
      tbs,
      bits(sequence(integer(numbers.subarray(0, 32)), integer(numbers.subarray(32)), integer(1))),
    ),
    "numbers of zero": assemble(tbs, bits(sequence(integer(0), integer(0)))),
    "a number of 33 bytes": assemble(tbs, bits(sequence(integer(new Uint8Array(33).fill(1)), integer(1)))),
    "the signature of another key": assemble(tbs, bits(derSignature(signRaw(KEYS.root, tbs)))),
    "no signature": sequence(tbs, sequence(oid("2a8648ce3d040302"))),
  };
  for (const [what, leaf] of Object.entries(refused)) {
    test(`may not be ${what}`, () => {
      let thrown: unknown;
      try {
        verify({ leaf });
      } catch (error) {
        thrown = error;
      }
      expect(thrown instanceof DecodeError || thrown instanceof EvidenceRejected).toBe(true);
    });
  }
});

describe("a chain of certificates", () => {
  test("counts from the first to the last second of every certificate in it", () => {
    const first = { leaf: certificate({ ...options, notBefore: "240601000000Z" }) };
    verify(first);
    expect(() => verify({ ...first, seconds: NOW.seconds - 1n, nanos: 999_999_999 })).toThrow("not yet valid");
    const last = { leaf: certificate({ ...options, notAfter: "240601000000Z" }) };
    verify(last);
    expect(() => verify({ ...last, nanos: 1 })).toThrow("expired");
    expect(() => verify({ above: { notAfter: "240531235959Z" } })).toThrow("expired");
    expect(() => verify({ above: { notBefore: "240601000001Z" } })).toThrow("not yet valid");
  });

  const unfit: Readonly<Record<string, Partial<CertificateOptions>>> = {
    "that is no authority": { extensions: [CERT_SIGN] },
    "that may not sign certificates": { extensions: [authority(0), DOCUMENT_SIGN] },
    "of another name": { subject: "someone else" },
    "with another key": { key: keyOf("someone else") },
    "that the root did not issue": { signer: keyOf("someone else") },
    "whose issuer is not the root": { issuer: "someone else" },
  };
  for (const [what, above] of Object.entries(unfit)) {
    test(`is refused with an intermediate ${what}`, () => {
      expect(() => verify({ above })).toThrow("not issued by");
    });
  }

  test("may be restricted to a purpose, but not to another one than the reference checks for", () => {
    const purpose = (id: string): Uint8Array => extension("551d25", sequence(oid(id)));
    verify({ above: { extensions: [authority(), CERT_SIGN, purpose("2b06010505070301")] } });
    verify({ above: { extensions: [authority(), CERT_SIGN, purpose("551d2500")] } });
    const client = { extensions: [authority(), CERT_SIGN, purpose("2b06010505070302")] };
    expect(() => verify({ above: client })).toThrow("another purpose");
  });

  test("may consist of the root alone, or of a certificate right below it", () => {
    verifyCertificate(root, undefined, root, NOW);
    verifyCertificate(parseCertificate(certificate(CERTIFICATES.collateral)), undefined, root, NOW);
    const leaf = parseCertificate(certificate(options));
    expect(() => verifyCertificate(leaf, undefined, root, NOW)).toThrow("not issued by the trusted root");
  });

  test("may have no more intermediates than an authority allows", () => {
    const shallow = { ...CERTIFICATES.root, extensions: [authority(0), CERT_SIGN] };
    const shallowRoot = parseCertificate(certificate(shallow));
    const intermediate = parseCertificate(certificate(CERTIFICATES.authority));
    const leaf = parseCertificate(certificate(options));
    expect(() => verifyCertificate(leaf, intermediate, shallowRoot, NOW)).toThrow("not issued by the trusted root");
    verifyCertificate(parseCertificate(certificate(CERTIFICATES.collateral)), undefined, shallowRoot, NOW);
  });
});

describe("a certificate", () => {
  const with_ = (...extensions: readonly Uint8Array[]): (() => unknown) => {
    return () => parseCertificate(certificate({ ...options, extensions }));
  };

  test("is refused with extensions that are critical and unknown, repeated, or narrow it down", () => {
    expect(with_(extension("2a03", fromHex("0500")))).not.toThrow();
    expect(with_(extension("2a03", fromHex("0500"), true))).toThrow("critical extension");
    expect(with_(DOCUMENT_SIGN, DOCUMENT_SIGN)).toThrow("extension repeated");
    expect(with_(extension("551d1e", sequence()))).toThrow("extension not supported");
  });

  test("may be as long as the evidence it comes in, for what is not signed is not looked at", () => {
    verify({ leaf: assemble(tbs, bits(signature), octets(new Uint8Array(60_000))) });
  });

  test("is refused when it is cut off or empty", () => {
    const whole = certificate(options);
    for (let size = 0; size < whole.length; size += 7) {
      expect(() => parseCertificate(whole.subarray(0, size))).toThrow(DecodeError);
    }
  });
});

describe("certificates in PEM", () => {
  test("are read up to a maximum, whatever follows", () => {
    const text = pem(root.raw, root.raw, root.raw);
    expect(parseCertificates(text, 2).length).toBe(2);
    expect(parseCertificates(concatBytes(text, utf8("junk")), 4).length).toBe(3);
    expect(parseCertificates(utf8("no certificates"), 4)).toEqual([]);
  });

  test("are refused with a block of another type or with malformed bytes among them", () => {
    const other = utf8("-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n");
    expect(() => parseCertificates(concatBytes(pem(root.raw), other), 4)).toThrow("no certificate");
    expect(() => parseCertificates(pem(Uint8Array.of(1, 2, 3)), 4)).toThrow(DecodeError);
  });
});
