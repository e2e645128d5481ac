/** Parts of a runtime that a bundle brings (runtime bundles). */
import { bool, list, omitEmpty, optional, struct, text, u64, u8 } from "#common/schema/index.js";
import { EnclaveIdentity } from "#common/tee/enclave-identity.js";
import { Version } from "#common/version.js";
import { demandBundle } from "./errors.js";

/** Longest name of a file in a bundle, in characters; file systems have the same limit. */
export const MAX_FILE_NAME = 255;
const MAX_WORDS = 1024;
const MAX_OPTIONS = 1024;
const MAX_IDENTITIES = 256;
const SHORTEST_NAME = 3;
const LONGEST_NAME = 128;
const SMALLEST_MEMORY_MIB = 16n;

const fileName = text({ max: MAX_FILE_NAME });
const word = text({ max: MAX_WORDS });

/** On-chain logic, executed by committees; and off-chain logic beside it. */
export const RONL = "ronl";
export const ROFL = "rofl";

export class ElfMetadata extends struct("ELFMetadata", { executable: fileName }) {}

export class SgxMetadata extends struct("SGXMetadata", {
  executable: fileName,
  /** Empty where a development network signs by itself. */
  signature: fileName,
}) {}

class GpuResource extends struct("GPUResource", { model: omitEmpty(word), count: u8 }) {}

class TdxResources extends struct("TDXResources", {
  /** In MiB. */
  memory: u64,
  cpus: u8,
  gpu: optional(GpuResource),
}) {}

export class TdxMetadata extends struct("TDXMetadata", {
  firmware: fileName,
  kernel: omitEmpty(fileName),
  initrd: omitEmpty(fileName),
  extraKernelOptions: omitEmpty(list(word, { max: MAX_OPTIONS })),
  stage2Image: omitEmpty(fileName),
  stage2Format: omitEmpty(word),
  stage2Persist: omitEmpty(bool),
  resources: TdxResources,
}) {}

class ExpectedIdentity extends struct("Identity", { hypervisor: omitEmpty(word), enclave: EnclaveIdentity }) {}

export class Component extends struct("Component", {
  /** RONL or ROFL. */
  kind: word,
  name: omitEmpty(word),
  version: omitEmpty(Version),
  /** Old place of the executable's name. */
  executable: omitEmpty(fileName),
  elf: optional(ElfMetadata),
  sgx: optional(SgxMetadata),
  tdx: optional(TdxMetadata),
  identity: omitEmpty(list(ExpectedIdentity, { max: MAX_IDENTITIES })),
  /** To be enabled by the node's settings. */
  disabled: omitEmpty(bool),
}) {}

/** Text of a component's identifier: its kind, with its name after a dot if it has one. */
export function componentIdOf({ kind, name }: Pick<Component, "kind" | "name">): string {
  return name === "" ? kind : `${kind}.${name}`;
}

function checkTdx({ firmware, kernel, initrd, stage2Image, resources }: TdxMetadata): void {
  demandBundle(firmware !== "", "tdx: firmware must be set");
  demandBundle(kernel !== "" || stage2Image === "", "tdx: kernel must be set if stage 2 image is set");
  demandBundle(kernel !== "" || initrd === "", "tdx: kernel must be set if initrd image is set");
  demandBundle(resources.memory >= SMALLEST_MEMORY_MIB, "tdx: memory limit must be at least 16M");
  demandBundle(resources.cpus >= 1, "tdx: vCPU count must be at least 1");
  demandBundle(resources.gpu === undefined || resources.gpu.count >= 1, "tdx: GPU count must be at least 1");
}

/** @throws BundleRefused when the component is not well formed */
export function checkComponent(component: Component): void {
  const { kind, name, executable, elf, sgx, tdx, disabled } = component;
  demandBundle(sgx === undefined || tdx === undefined, "a component can only have metadata for a single TEE");
  demandBundle(elf === undefined || elf.executable !== "", "elf: executable must be set");
  demandBundle(sgx === undefined || sgx.executable !== "", "sgx: executable must be set");
  if (tdx !== undefined) checkTdx(tdx);
  demandBundle(kind === RONL || kind === ROFL, `unknown component kind "${kind}"`);
  if (kind === RONL) {
    demandBundle(name === "", "the RONL component must not have a name");
    demandBundle(executable !== "" || elf !== undefined, "the RONL component must define an executable");
    demandBundle(!disabled, "the RONL component cannot be disabled");
    return;
  }
  const fits = name.length >= SHORTEST_NAME && name.length <= LONGEST_NAME && /^[a-zA-Z0-9_-]+$/.test(name);
  demandBundle(fits, `"${name}" is no name of a ROFL component: 3 to 128 letters, digits, _ and -`);
}

/**
 * The files that a component is made of, by what they are. One that must be there and has no name is among them: such a
 * component is described by the top of an old manifest.
 */
export function filesOf({ executable, elf, sgx, tdx }: Component): { readonly what: string; readonly name: string }[] {
  const files = [
    { what: "ELF executable", name: elf?.executable ?? executable },
    { what: "SGX executable", name: sgx?.executable ?? "" },
    { what: "SGX signature", name: sgx?.signature ?? "" },
    { what: "TDX virtual firmware", name: tdx?.firmware ?? "" },
    { what: "TDX kernel image", name: tdx?.kernel ?? "" },
    { what: "TDX initrd image", name: tdx?.initrd ?? "" },
    { what: "TDX stage 2 image", name: tdx?.stage2Image ?? "" },
  ];
  return files.filter(({ name }, i) => name !== "" || (i === 0 && elf !== undefined));
}
