import { fromUtf8, toBase64, toHex } from "#common/bytes.js";
import { InvalidInput } from "#common/errors/index.js";
import { newValidatorSet } from "#consensus/block/validator-set.js";
import type { ValidatorSet } from "#consensus/block/validator.js";
import { checkGenesis } from "#consensus/genesis/check.js";
import { chainContext, type GenesisDocument } from "#consensus/genesis/document.js";
import { genesisValidators } from "#consensus/genesis/validators.js";
import { adoptMembers, missingKeys, missingLines, replaceValidators } from "#network/adopt.js";
import { DEBUG_SWITCHES } from "#network/local-network.js";
import type { DevelopmentAccount, Member, OwnMember } from "#network/topology.js";
import { deriveIdentity, type Identity } from "#node/identity.js";
import type { DataFolder } from "#platform/data-folder.js";
import { findNodeKeys } from "#platform/node-keys.js";
import { onError } from "../colours.js";
import { readGenesisFile } from "../input-file.js";

/** Says where the document of a data folder comes from; absent where the network made it itself. */
export const ORIGIN_FILE = "genesis.origin";
/** Chain context of a document of which only the ledger was taken. */
const REPLACED = /^validators replaced in ([0-9a-f]{64})$/;
const AS_GIVEN = "as given";
const OPTION = "--genesis";
const KEYS = "--keys";
const SHOWN_PROBLEMS = 5;

/** A document that somebody else made, as the command line tells it. */
export interface GivenGenesis {
  readonly genesis?: string;
  /** Folders with keys of its nodes. */
  readonly keys: readonly string[];
  readonly ownValidators: boolean;
}

/** The document as it was given. */
export interface GivenDocument {
  readonly file: string;
  readonly document: GenesisDocument;
  readonly context: string;
}

/** @throws InvalidInput when there is no such file, or the network cannot start from it */
export function readGiven({ genesis: file, ownValidators }: GivenGenesis): GivenDocument | undefined {
  if (file === undefined) {
    // Keys may be given for the document that a folder holds.
    if (ownValidators) throw new InvalidInput("--own-validators", `needs ${OPTION}: the document that is changed`);
    return undefined;
  }
  const document = readGenesisFile(OPTION, file);
  demandSound(document, file);
  return { file, document, context: chainContext(document) };
}

function demandSound(document: GenesisDocument, what: string): void {
  const problems = checkGenesis(document, DEBUG_SWITCHES);
  if (problems.length === 0) return;
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ field, reason }) => `${field}: ${reason}`);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  throw new InvalidInput(OPTION, `no network can start from ${what}: ${[...shown, ...more].join("; ")}`);
}

/**
 * Where the document of a folder comes from; undefined for one that the network made itself.
 *
 * @param document that the folder holds
 * @throws InvalidInput when another document was given than the one that it began with
 */
export function originOf(
  folder: DataFolder,
  document: GenesisDocument,
  given: GivenDocument | undefined,
): string | undefined {
  const stored = folder.read(ORIGIN_FILE);
  const origin = stored === undefined ? undefined : fromUtf8(stored).trim();
  if (given !== undefined) {
    const began = REPLACED.exec(origin ?? "")?.[1] ?? chainContext(document);
    if (began !== given.context) {
      throw new InvalidInput(
        OPTION,
        `${folder.path} holds a network that began with another document (chain ${began}) than ${given.file} (chain ${given.context})`,
      );
    }
  }
  return origin;
}

export interface Adoption {
  readonly document: GenesisDocument;
  readonly given: GivenGenesis;
  /** What a folder says of its document; undefined for a new network. */
  readonly origin: string | undefined;
  /** From which all keys follow that the network makes itself, 32 bytes. */
  readonly secret: Uint8Array;
  /** Members of our own, at least so many of them validators. */
  readonly own: (validators: number) => readonly OwnMember[];
  readonly accounts: readonly DevelopmentAccount[];
  /** Whether the network hosts a runtime. */
  readonly computes: boolean;
}

/** Who runs the network of a document. */
export interface AdoptedNetwork {
  readonly members: readonly Member[];
  readonly accounts: readonly DevelopmentAccount[];
  readonly origin: string;
}

/** Finds who runs the network of a document, which is changed when its validators are to be replaced. */
export function adoptDocument(adoption: Adoption): AdoptedNetwork {
  const { document, given, origin, own, accounts } = adoption;
  const began = REPLACED.exec(origin ?? "")?.[1];
  if (began === undefined && !given.ownValidators) return withGivenKeys(adoption);
  if (origin !== undefined && began === undefined) {
    throw new InvalidInput("--own-validators", "the folder holds a network with the validators of its document");
  }
  const members = own(Number(document.scheduler.params.minValidators));
  const before = began ?? chainContext(document);
  if (origin === undefined) {
    replaceValidators(document, members, accounts);
    demandSound(document, "it with validators of our own");
  }
  tellReplaced(before, chainContext(document));
  const running = adoption.computes ? members : members.filter(({ kind }) => kind !== "compute");
  return { members: running, accounts, origin: `validators replaced in ${before}` };
}

function tellReplaced(before: string, now: string): void {
  process.stderr.write(
    `${onError.yellow("warning:")} this is ANOTHER CHAIN than the one of the document: its validators are ours. ` +
      `Chain context ${now} instead of ${before}; nothing that is signed for one counts on the other.\n`,
  );
}

/** TLS keys are made anew by nodes that have none. */
function identitiesIn(folders: readonly string[], secret: Uint8Array): Identity[] {
  return folders
    .flatMap((folder) => findNodeKeys(KEYS, folder))
    .map(({ node, p2p, consensus, vrf, tls }) => {
      const made = deriveIdentity(secret, toHex(node.publicKey)).tls;
      return { node, p2p, consensus, vrf, tls: tls ?? made };
    });
}

function withGivenKeys({ document, given, origin, secret, own, computes }: Adoption): AdoptedNetwork {
  const client = own(0).filter(({ kind }) => kind === "client");
  const identities = identitiesIn(given.keys, secret);
  const { members, strangers, idle } = adoptMembers(document, identities, computes);
  if (members.length + idle.length === 0 && strangers.length > 0) {
    const keys = strangers.map(({ node }) => toBase64(node.publicKey)).join(", ");
    throw new InvalidInput(KEYS, `none of these is a node of the document: ${keys}`);
  }
  for (const { node } of strangers) note(`${toBase64(node.publicKey)} is no node of the document and does not run`);
  const without = computes ? "" : ", and without --runtime nothing else runs";
  for (const { node } of idle) note(`${toBase64(node.publicKey)} does not run: it is no validator${without}`);
  // Of a chain that has begun the validators may be others by now.
  if (origin === undefined) demandValidators(newValidatorSet(genesisValidators(document)), members, document);
  return { members: [...members, ...client], accounts: [], origin: AS_GIVEN };
}

function note(text: string): void {
  process.stderr.write(`${onError.yellow("note:")} ${text}\n`);
}

/**
 * Checks that enough validators can sign here for blocks to be made; says which others cannot.
 *
 * @throws InvalidInput naming the validators whose keys are missing
 */
export function demandValidators(set: ValidatorSet, members: readonly Member[], document: GenesisDocument): void {
  const found = missingKeys(set, members);
  const { missing, total, heldPower, totalPower, enough } = found;
  if (missing.length === 0) return;
  const votes = `those that are here have ${heldPower} of ${totalPower} votes`;
  const list = missingLines(found, document).join("\n  ");
  const said = `keys of ${missing.length} of ${total} validators are missing; ${votes}`;
  if (enough) {
    note(`${said}. They will be absent:\n  ${list}`);
    return;
  }
  throw new InvalidInput(
    KEYS,
    `${said}, and more than two thirds are needed (--own-validators makes another chain instead):\n  ${list}`,
  );
}
