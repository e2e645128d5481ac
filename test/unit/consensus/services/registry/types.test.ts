import { describe, expect, it } from "vitest";
import { fromHex, toBase64, toHex } from "#common/bytes.js";
import { DecodeError } from "#common/errors/index.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";
import { Entity } from "#consensus/services/registry/types/entity.js";
import { isNodeExpired, Node } from "#consensus/services/registry/types/node.js";
import { ConsensusAddress, NodeAddress } from "#consensus/services/registry/types/node-address.js";
import { Runtime, VersionInfo } from "#consensus/services/registry/types/runtime.js";
import { SgxAttestation, SgxConstraints } from "#consensus/services/registry/types/tee.js";

const KEY = "ff".repeat(32);

describe("entity descriptors", () => {
  it("of version 1 are read as version 2, unless entities sign for nodes", () => {
    const old = `a36176016269645820${KEY}656e6f646573815820${KEY}`;
    const entity = Entity.decode(fromHex(old));
    expect(entity).toEqual({ v: 2, id: fromHex(KEY), nodes: [fromHex(KEY)] });
    const flag = "7819616c6c6f775f656e746974795f7369676e65645f6e6f646573";
    expect(Entity.decode(fromHex(`a36176016269645820${KEY}${flag}f4`)).v).toBe(2);
    expect(() => Entity.decode(fromHex(`a36176016269645820${KEY}${flag}f5`))).toThrow("allow_entity_signed_nodes");
    expect(() => Entity.decode(fromHex(`a36176026269645820${KEY}${flag}f4`))).toThrow("unknown field");
  });

  it("of other versions and without one are refused, in every mode", () => {
    for (const mode of ["untrusted", "rpc", "trusted"] as const) {
      for (const hex of [`a26176006269645820${KEY}`, `a26176036269645820${KEY}`, `a16269645820${KEY}`, "f6"]) {
        expect(() => Entity.decode(fromHex(hex), mode), hex).toThrow(DecodeError);
      }
      // The blob is decoded strictly even where the message around it may have unknown fields.
      expect(() => Entity.decode(fromHex(`a36161006176026269645820${KEY}`), mode)).toThrow("unknown field");
    }
  });
});

describe("node addresses", () => {
  it("are text in JSON and structs on the wire", () => {
    const address = NodeAddress.fromJson("35.1.2.3:26656");
    expect(toHex(NodeAddress.encode(address))).toBe(
      "a36249505000000000000000000000ffff2301020364506f7274196820645a6f6e6560",
    );
    expect(NodeAddress.toJson(address)).toBe("35.1.2.3:26656");
    expect(NodeAddress.toJson({ ...address, ip: fromHex("23010203") })).toBe("35.1.2.3:26656");
    expect(NodeAddress.toJson(NodeAddress.fromJson("[2001:db8::1%eth0]:1"))).toBe("[2001:db8::1%eth0]:1");
    expect(NodeAddress.fromJson(":80")).toEqual({ ip: null, port: 80n, zone: "" });
    for (const bad of ["", "1.2.3.4", "1.2.3.4:", "1.2.3.4:99999", "host:1", "2001:db8::1:1", "[1.2.3.4", 5]) {
      expect(() => NodeAddress.fromJson(bad), String(bad)).toThrow(DecodeError);
    }
  });

  it("of the consensus layer carry a key", () => {
    const text = `${toBase64(fromHex(KEY))}@1.2.3.4:5`;
    expect(ConsensusAddress.toJson(ConsensusAddress.fromJson(text))).toBe(text);
    expect(() => ConsensusAddress.fromJson("1.2.3.4:5")).toThrow(DecodeError);
    expect(() => ConsensusAddress.fromJson(`${text}@`)).toThrow(DecodeError);
  });
});

describe("trusted hardware", () => {
  const identity = { mrEnclave: new Uint8Array(32).fill(1), mrSigner: new Uint8Array(32).fill(2) };

  it("constraints keep their version", () => {
    const v0 = SgxConstraints.decode(fromHex("a0"));
    expect(v0.policy?.ias?.allowedQuoteStatuses).toEqual([]);
    expect(toHex(SgxConstraints.encode(v0))).toBe("a0");
    expect(toHex(SgxConstraints.encode(SgxConstraints.decode(fromHex("f6"))))).toBe("a0");
    const v1 = { v: 1, enclaves: [identity], maxAttestationAge: 7n };
    expect(SgxConstraints.decode(SgxConstraints.encode(v1))).toEqual(v1);
    expect(() => SgxConstraints.decode(fromHex("a1617602"))).toThrow("version 2");
    expect(() => SgxConstraints.decode(fromHex("a1617600"))).toThrow(DecodeError);
  });

  it("an attestation without a version is the bare report", () => {
    const v0 = SgxAttestation.decode(
      fromHex("a364626f64794101697369676e617475726541027163657274696669636174655f636861696e4103"),
    );
    expect(v0.quote.ias).toEqual({
      body: Uint8Array.of(1),
      signature: Uint8Array.of(2),
      certificateChain: Uint8Array.of(3),
    });
    expect(SgxAttestation.decode(SgxAttestation.encode(v0))).toEqual(v0);
  });

  it("an enclave identity is text in JSON, enclave first", () => {
    const text = EnclaveIdentity.toJson(identity);
    expect(text).toBe(toBase64(fromHex("01".repeat(32) + "02".repeat(32))));
    expect(EnclaveIdentity.fromJson(text)).toEqual(identity);
    expect(() => EnclaveIdentity.fromJson("AQ==")).toThrow(DecodeError);
  });
});

describe("runtime descriptors", () => {
  it("tell an empty TEE field from none, and write neither", () => {
    const none = VersionInfo.decode(fromHex("a26776657273696f6ea06a76616c69645f66726f6d00"));
    const empty = VersionInfo.decode(fromHex("a363746565406776657273696f6ea06a76616c69645f66726f6d00"));
    expect([none.tee, empty.tee]).toEqual([null, new Uint8Array(0)]);
    expect(VersionInfo.encode(empty)).toEqual(VersionInfo.encode(none));
  });

  it("may list a deployment that is null", () => {
    const runtime = { ...Runtime.zero(), deployments: [null] };
    expect(Runtime.decode(Runtime.encode(runtime)).deployments).toEqual([null]);
  });
});

it("nodes expire after the last epoch of their registration", () => {
  const node = { ...Node.zero(), expiration: 5n };
  expect([4n, 5n, 6n].map((epoch) => isNodeExpired(node, epoch))).toEqual([false, false, true]);
});
