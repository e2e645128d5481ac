/** Levels of patching that the vendor publishes, and which of them a platform reaches (runtime: quote verification). */
import { EvidenceRejected } from "./evidence-rejected.js";
import { goArray, goInt32, type GoShape, goSlice, goString, goStruct, goUint16, goWord } from "./go-json.js";

const COMPONENTS = 16;

/** What the vendor says about a level; 0 when it says nothing. */
export const TCB_STATUS = {
  missing: 0,
  UpToDate: 1,
  SWHardeningNeeded: 2,
  ConfigurationNeeded: 3,
  ConfigurationAndSWHardeningNeeded: 4,
  OutOfDate: 5,
  OutOfDateConfigurationNeeded: 6,
  Revoked: 7,
} as const;

const { missing: NO_STATUS, ...TCB_STATUS_WORDS } = TCB_STATUS;
const TcbStatus: GoShape<number> = goWord<number>(TCB_STATUS_WORDS, NO_STATUS);

interface TcbComponent {
  readonly svn: number;
  readonly category: string;
  readonly type: string;
}

/** Level of a platform. */
export interface TcbLevel {
  readonly tcb: {
    readonly pcesvn: number;
    readonly sgxtcbcomponents: readonly TcbComponent[];
    readonly tdxtcbcomponents: readonly TcbComponent[];
  };
  readonly tcbDate: string;
  readonly tcbStatus: number;
  readonly advisoryIDs: readonly string[];
}

/** Level of an enclave or of the TDX module. */
export interface EnclaveTcbLevel {
  readonly tcb: { readonly isvsvn: number };
  readonly tcbDate: string;
  readonly tcbStatus: number;
  readonly advisoryIDs: readonly string[];
}

const TcbComponents = goArray(goStruct<TcbComponent>({ svn: goInt32, category: goString, type: goString }), COMPONENTS);
const REST_OF_LEVEL = { tcbDate: goString, tcbStatus: TcbStatus, advisoryIDs: goSlice(goString) };

export const TcbLevel: GoShape<TcbLevel> = goStruct<TcbLevel>({
  tcb: goStruct<TcbLevel["tcb"]>({
    pcesvn: goUint16,
    sgxtcbcomponents: TcbComponents,
    tdxtcbcomponents: TcbComponents,
  }),
  ...REST_OF_LEVEL,
});

export const EnclaveTcbLevel: GoShape<EnclaveTcbLevel> = goStruct<EnclaveTcbLevel>({
  tcb: goStruct<EnclaveTcbLevel["tcb"]>({ isvsvn: goUint16 }),
  ...REST_OF_LEVEL,
});

/** Security versions that a platform has. */
export interface PlatformVersions {
  /** Sixteen, from the certificate of the platform's key. */
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  /** Sixteen, from the report of a trust domain; undefined for SGX. */
  readonly tdx: Uint8Array | undefined;
}

/**
 * Whether a platform reaches a level: none of its versions is lower. The first two TDX versions belong to the module,
 * which has levels of its own when the second of them is set.
 */
export function reachesLevel({ tcb }: TcbLevel, platform: PlatformVersions): boolean {
  const { tdx } = platform;
  if (tcb.sgxtcbcomponents.some(({ svn }, i) => (platform.sgx[i] as number) < svn)) return false;
  if (platform.pceSvn < tcb.pcesvn) return false;
  if (tdx === undefined) return true;
  const from = tdx[1] === 0 ? 0 : 2;
  return tcb.tdxtcbcomponents.every(({ svn }, i) => i < from || (tdx[i] as number) >= svn);
}

/** The first level that a security version reaches; levels are published from the newest on. */
export function enclaveLevel(levels: readonly EnclaveTcbLevel[], version: number): EnclaveTcbLevel | undefined {
  return levels.find(({ tcb }) => tcb.isvsvn <= version);
}

/** Evidence is sound, but what it is about lacks patches. */
export class TcbOutOfDate extends EvidenceRejected {
  constructor(
    readonly part: "platform" | "enclave",
    readonly status: number,
    readonly advisories: readonly string[],
  ) {
    super(`TCB of the ${part} is not up to date (status ${status})`);
    this.name = "TcbOutOfDate";
  }
}

/**
 * Checks the level of an enclave or of the TDX module.
 * @throws EvidenceRejected, TcbOutOfDate
 */
export function demandUpToDate(level: EnclaveTcbLevel): void {
  if (level.tcbStatus !== TCB_STATUS.UpToDate) throw new TcbOutOfDate("enclave", level.tcbStatus, level.advisoryIDs);
}
