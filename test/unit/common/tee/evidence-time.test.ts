import { expect, test } from "vitest";
import { DecodeError } from "#common/errors/index.js";
import { isBefore, parseCertificateTime, parseEvidenceTime } from "#common/tee/evidence-time.js";

test("collateral states times as Go reads them", () => {
  expect(parseEvidenceTime("2024-06-01T00:00:00Z", "Z")).toEqual({ seconds: 1_717_200_000n, nanos: 0 });
  expect(parseEvidenceTime("2024-06-01T0:00:00.5Z", "Z")).toEqual({ seconds: 1_717_200_000n, nanos: 500_000_000 });
  expect(parseEvidenceTime("2024-06-01T00:00:00,123456789012Z", "Z").nanos).toBe(123_456_789);
  expect(parseEvidenceTime("2024-02-29T23:59:59", "").nanos).toBe(0);
});

test("times that do not exist or have another form are refused", () => {
  const refused = [
    "2023-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-06-01T24:00:00Z",
    "2024-06-01T00:60:00Z",
    "2024-06-01T00:00:60Z",
    "2024-06-01T00:00:00",
    "2024-06-01T00:00:00+00:00",
    "2024-06-01 00:00:00Z",
    "24-06-01T00:00:00Z",
    "2024-06-01T00:00:00.Z",
    "",
  ];
  for (const text of refused) expect(() => parseEvidenceTime(text, "Z"), text).toThrow(DecodeError);
  expect(() => parseEvidenceTime("2024-06-01T00:00:00Z", "")).toThrow(DecodeError);
});

test("certificates have years of two or four digits", () => {
  expect(parseCertificateTime("240601000000Z", 2).seconds).toBe(1_717_200_000n);
  expect(parseCertificateTime("20240601000000Z", 4).seconds).toBe(1_717_200_000n);
  expect(parseCertificateTime("700101000000Z", 2).seconds).toBe(0n);
  expect(() => parseCertificateTime("20240601000000Z", 2)).toThrow(DecodeError);
  expect(() => parseCertificateTime("240230000000Z", 2)).toThrow(DecodeError);
  expect(() => parseCertificateTime("2406010000Z", 2)).toThrow(DecodeError);
});

test("times are ordered to the nanosecond", () => {
  const at = (seconds: bigint, nanos: number): { seconds: bigint; nanos: number } => ({ seconds, nanos });
  expect([isBefore(at(1n, 0), at(1n, 1)), isBefore(at(1n, 9), at(2n, 0)), isBefore(at(1n, 1), at(1n, 1))]).toEqual([
    true,
    true,
    false,
  ]);
});
