import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "#common/bytes.js";
import { MemorySigner, prepareMessage, defineContext } from "#common/crypto/signature.js";
import { EMPTY_HASH, hash } from "#common/hash.js";
import {
  type ReceiptSubject,
  receiptBody,
  signReceipt,
  verifyReceipt,
} from "#consensus/services/roothash/logic/receipt.js";

const CHAIN = "test: oasis-core tests";
const signer = MemorySigner.fromSeed(hash(utf8("oasis-core receipt vector")));
const subject: ReceiptSubject = {
  namespace: fromHex(`80${"00".repeat(31)}`),
  round: 42n,
  ioRoot: EMPTY_HASH,
  stateRoot: hash(utf8("state")),
};

describe("a storage receipt", () => {
  it("has the body of the reference's receipts", () => {
    const body = receiptBody(subject);
    expect(body).toHaveLength(144);
    expect(toHex(body)).toMatch(/^a5626e7358208000.*65726f756e64182a6776657273696f6e016a726f6f745f7479706573420201$/);
    const context = defineContext("oasis-core/storage: receipt", { chain: true });
    expect(toHex(prepareMessage(context, body, { chainContext: CHAIN }))).toBe(
      "8f4d1ff14d527f08c97a8f28d7fd20fe21069b5fdd052d234125103830e0259c",
    );
  });

  it("has the signature of the reference's receipts", () => {
    const receipt = signReceipt(signer, CHAIN, subject);
    expect(toHex(receipt.publicKey)).toBe("413c1e13d847d5a9cb8d99db3123ddc1e3ea4e7678ac629e6c5605e8d4031dd5");
    expect(toHex(receipt.signature)).toBe(
      "a4e0a42d1833167dd33f1278d1d98a424b04b64def021cd7c113d21246cc09fe" +
        "b398ed142c279a8905d28a841294dfed384d27adea10a941910e6f39ca5e4106",
    );
    expect(verifyReceipt(receipt, CHAIN, subject)).toBe(true);
  });

  it("counts for its chain, runtime, round and roots only", () => {
    const receipt = signReceipt(signer, CHAIN, subject);
    expect(verifyReceipt(receipt, "test: another chain", subject)).toBe(false);
    const others: Partial<ReceiptSubject>[] = [
      { namespace: fromHex(`80${"00".repeat(30)}01`) },
      { round: 43n },
      { ioRoot: subject.stateRoot },
      { stateRoot: subject.ioRoot },
    ];
    for (const other of others) expect(verifyReceipt(receipt, CHAIN, { ...subject, ...other })).toBe(false);
  });
});
