import { mkdtempSync, readFileSync, rmSync, statSync, chmodSync, writeFileSync } from "node:fs";
import { createPrivateKey } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { CertificateRefused, checkPeerCertificate } from "#common/crypto/tls-certificate.js";
import { systemEntropy as entropy } from "#platform/entropy.js";
import { KeyFileError } from "#platform/key-files.js";
import { loadOrGenerateTlsIdentity, type TlsIdentity } from "#platform/tls-identity.js";

const folders: string[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "qanat-tls-"));
  folders.push(path);
  return path;
}
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true });
});

function identity(path = folder()): TlsIdentity {
  return loadOrGenerateTlsIdentity(path, "node", entropy, Date.now());
}

describe("the TLS identity of a node", () => {
  it("keeps its key, in a file that only its owner reads, and renews its certificate", () => {
    const path = folder();
    const first = identity(path);
    expect(statSync(join(path, "tls_identity.pem")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, "tls_identity_cert.pem"), "utf8")).toBe(first.certificatePem);
    const again = loadOrGenerateTlsIdentity(path, "node", entropy, Date.now() + 86_400_000);
    expect(again.publicKey).toEqual(first.publicKey);
    expect(again.certificatePem).not.toBe(first.certificatePem);
    const sentry = loadOrGenerateTlsIdentity(path, "sentry-client", entropy, Date.now());
    expect(sentry.publicKey).not.toEqual(first.publicKey);
    expect(createPrivateKey(first.keyPem).asymmetricKeyType).toBe("ed25519");
  });

  it("refuses a key file that others may read or that holds something else", () => {
    const path = folder();
    identity(path);
    chmodSync(join(path, "tls_identity.pem"), 0o640);
    expect(() => identity(path)).toThrow(KeyFileError);
    chmodSync(join(path, "tls_identity.pem"), 0o600);
    for (const text of ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]) {
      writeFileSync(join(path, "tls_identity.pem"), text);
      expect(() => identity(path)).toThrow(KeyFileError);
    }
  });

  it("lets two nodes meet over TLS and know each other by their keys", async () => {
    const [ours, theirs] = [identity(), identity()];
    const seen = new Promise<Uint8Array | undefined>((resolve, reject) => {
      const server = createServer(
        { key: theirs.keyPem, cert: theirs.certificatePem, requestCert: true, rejectUnauthorized: false },
        (socket) => {
          try {
            resolve(checkPeerCertificate([socket.getPeerCertificate().raw], { nowMs: Date.now() }));
          } catch (error) {
            reject(error);
          }
          socket.end();
          server.close();
        },
      );
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        const options = { port, host: "127.0.0.1", servername: "oasis-node", rejectUnauthorized: false };
        const client: TLSSocket = connect({ ...options, key: ours.keyPem, cert: ours.certificatePem }, () => {
          const chain = [client.getPeerCertificate().raw];
          const nowMs = Date.now();
          expect(checkPeerCertificate(chain, { nowMs, keys: [theirs.publicKey] })).toEqual(theirs.publicKey);
          expect(() => checkPeerCertificate(chain, { nowMs, keys: [ours.publicKey] })).toThrow(CertificateRefused);
          client.resume();
        });
        client.on("error", reject);
      });
    });
    expect(await seen).toEqual(ours.publicKey);
  });
});
