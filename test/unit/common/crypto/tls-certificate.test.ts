import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ed25519Key } from "#kernels";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import {
  CertificateRefused,
  checkPeerCertificate,
  makeTlsCertificate,
  TLS_COMMON_NAME,
} from "#common/crypto/tls-certificate.js";
import { hash } from "#common/hash.js";
import { DER_SEQUENCE, DerReader } from "#common/tee/der.js";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const YEAR_MS = 365 * 86_400_000;
const key = ed25519Key(hash(utf8("tls test")));
const certificate = makeTlsCertificate(key, NOW);

/** The certificate with some bytes exchanged for as many others, and signed again. */
function altered(from: string, to: string): Uint8Array {
  const hex = toHex(certificate);
  expect(hex.split(from).length).toBeGreaterThan(1);
  const changed = fromHex(hex.replaceAll(from, to));
  const body = new DerReader(changed).enter().element(DER_SEQUENCE).whole;
  changed.set(key.sign(body), changed.length - 64);
  return changed;
}

describe("TLS certificates", () => {
  it("are what another reader of certificates takes them for", () => {
    const x509 = new X509Certificate(certificate);
    expect(x509.subject).toBe("CN=oasis-node");
    expect(x509.issuer).toBe("CN=oasis-node");
    expect(x509.serialNumber).toBe("01");
    expect(x509.ca).toBe(false);
    expect(x509.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(Date.parse(x509.validFrom)).toBe(NOW - 3_600_000);
    expect(Date.parse(x509.validTo)).toBe(NOW + YEAR_MS);
    expect(x509.publicKey.asymmetricKeyType).toBe("ed25519");
    expect(x509.verify(x509.publicKey)).toBe(true);
    // digitalSignature, keyEncipherment, keyCertSign, critical, in front of the extended usage.
    expect(toHex(certificate)).toContain("300e0603551d0f0101ff0404030202a4301d0603551d25");
  });

  it("from 2049 on end in a year of four digits", () => {
    const late = makeTlsCertificate(key, Date.UTC(2049, 5, 1));
    expect(new Date(new X509Certificate(late).validTo).getUTCFullYear()).toBe(2050);
    expect(checkPeerCertificate([late], { nowMs: Date.UTC(2050, 1, 1) })).toEqual(key.publicKey);
  });
});

describe("the check of a peer's certificate", () => {
  const ok = { nowMs: NOW };
  const refused = (chain: Uint8Array[], expected = {}): void => {
    expect(() => checkPeerCertificate(chain, { ...ok, ...expected })).toThrow(CertificateRefused);
  };

  it("gives the key of a peer that follows the template, known or not asked for", () => {
    expect(checkPeerCertificate([certificate], ok)).toEqual(key.publicKey);
    const keys = [new Uint8Array(32), key.publicKey];
    expect(checkPeerCertificate([certificate], { ...ok, keys })).toEqual(key.publicKey);
  });

  it("refuses any other number of certificates than one, unless none is allowed", () => {
    refused([]);
    refused([certificate, certificate]);
    refused([certificate, certificate], { mayBeAbsent: true });
    expect(checkPeerCertificate([], { ...ok, mayBeAbsent: true })).toBeUndefined();
  });

  it("refuses keys that are not expected, an empty list admits nobody", () => {
    refused([certificate], { keys: [new Uint8Array(32)] });
    refused([certificate], { keys: [] });
  });

  it("refuses what is not valid yet or not any more", () => {
    refused([certificate], { nowMs: NOW - 3_600_001 });
    refused([certificate], { nowMs: NOW + YEAR_MS + 1 });
    expect(checkPeerCertificate([certificate], { nowMs: NOW + YEAR_MS })).toEqual(key.publicKey);
  });

  it("refuses another common name", () => {
    refused([makeTlsCertificate(key, NOW, "oasis-gate")]);
    refused([certificate], { commonName: "oasis-gate" });
    expect(TLS_COMMON_NAME).toBe("oasis-node");
  });

  it("refuses every departure from the template even when it is signed", () => {
    expect(checkPeerCertificate([altered("020101300506", "020101300506")], ok)).toEqual(key.publicKey);
    const departures: [what: string, from: string, to: string][] = [
      ["serial number 2", "020101300506", "020102300506"],
      ["key usage", "030202a4", "030202a0"],
      ["order of purposes", "06082b0601050507030106082b06010505070302", "06082b0601050507030206082b06010505070301"],
      ["one purpose twice", "06082b0601050507030106082b06010505070302", "06082b0601050507030106082b06010505070301"],
      ["unknown critical extension", "0603551d0f0101ff", "0603551d6f0101ff"],
      ["version 1", "a003020102", "a003020100"],
      ["Ed448 key", "300506032b6570032100", "300506032b6571032100"],
      ["Ed448 signature", "020101300506032b6570", "020101300506032b6571"],
      ["a day that does not exist", toHex(utf8("261121110000Z")), toHex(utf8("260231110000Z"))],
    ];
    for (const [what, from, to] of departures) {
      expect(() => checkPeerCertificate([altered(from, to)], ok), what).toThrow(CertificateRefused);
    }
  });

  it("refuses every certificate with one flipped bit or a cut end", () => {
    fc.assert(
      fc.property(fc.nat(certificate.length * 8 - 1), (bit) => {
        const damaged = certificate.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
        refused([damaged]);
        refused([certificate.slice(0, bit >> 3)]);
      }),
      { numRuns: 300 },
    );
    refused([new Uint8Array(16_385)]);
  });
});
