/** Networks of genesis documents that others made. */
import { addressFromPublicKey, addressToText } from "#common/address.js";
import { equalBytes, toBase64, toHex } from "#common/bytes.js";
import { hasRoles, ROLE_COMPUTE, ROLE_VALIDATOR } from "#common/node-roles.js";
import { SortedMap } from "#common/sorted-map.js";
import { totalVotingPower, type Validator, type ValidatorSet } from "#consensus/block/validator.js";
import type { GenesisDocument } from "#consensus/genesis/document.js";
import { Entity, ENTITY_VERSION } from "#consensus/services/registry/types/entity.js";
import { Node } from "#consensus/services/registry/types/node.js";
import type { NodeAddress } from "#consensus/services/registry/types/node-address.js";
import { SignedEntity } from "#consensus/services/registry/types/signed.js";
import { Account, type Delegation } from "#consensus/services/staking/types/account.js";
import type { Identity } from "#node/identity.js";
import { signDescriptor } from "#worker/registration/descriptor.js";
import { ACCOUNT_BALANCE, ENTITY_STAKE, GENESIS_EXPIRATION, memberOffer } from "./fixture.js";
import type { DevelopmentAccount, Member, OwnMember } from "./topology.js";

/** Nodes that a document registers. */
export function nodesOf({ registry }: GenesisDocument): Node[] {
  return registry.nodes.flatMap((envelope) => (envelope === null ? [] : [Node.decode(envelope.untrustedRawValue)]));
}

/** Which nodes of a document run here. */
export interface Adopted {
  readonly members: readonly Member[];
  /** Identities that are no node of the document or of an entity in it, or have another consensus key there. */
  readonly strangers: readonly Identity[];
  /** Nodes that play no role here: key managers, observers, and compute nodes where no runtime is hosted. */
  readonly idle: readonly Identity[];
}

/** What a document says of a node. */
interface KnownNode {
  readonly entityId: Uint8Array;
  readonly roles: number;
  readonly address: NodeAddress | undefined;
}

/** A node is in the document itself, or its entity names it: then it is a compute node that has yet to register. */
function knownNode(document: GenesisDocument, { node: { publicKey }, consensus }: Identity): KnownNode | undefined {
  const found = nodesOf(document).find(({ id }) => equalBytes(id, publicKey));
  if (found !== undefined) {
    if (!equalBytes(found.consensus.id, consensus.publicKey)) return undefined;
    const address = found.p2p.addresses?.[0] ?? found.consensus.addresses?.[0]?.address;
    return { entityId: found.entityId, roles: found.roles, address };
  }
  for (const envelope of document.registry.entities) {
    const entity = envelope && Entity.decode(envelope.untrustedRawValue);
    if (entity?.nodes?.some((id) => equalBytes(id, publicKey)) === true) {
      return { entityId: entity.id, roles: ROLE_COMPUTE, address: undefined };
    }
  }
  return undefined;
}

/**
 * The nodes of a document whose keys are held: validators, and compute nodes when the network hosts a runtime.
 * @param computes whether it does
 */
export function adoptMembers(document: GenesisDocument, held: readonly Identity[], computes: boolean): Adopted {
  const members: Member[] = [];
  const strangers: Identity[] = [];
  const idle: Identity[] = [];
  const counts = { validator: 0, compute: 0 };
  for (const identity of held) {
    const known = knownNode(document, identity);
    if (known === undefined) {
      strangers.push(identity);
      continue;
    }
    const roles = known.roles & (computes ? ROLE_VALIDATOR | ROLE_COMPUTE : ROLE_VALIDATOR);
    if (roles === 0) {
      idle.push(identity);
      continue;
    }
    const kind = hasRoles(roles, ROLE_COMPUTE) ? "compute" : "validator";
    members.push({ ...known, name: `${kind}-${counts[kind]++}`, kind, identity, roles });
  }
  return { members, strangers, idle };
}

/** Validators that cannot sign here, and whether the others have the two thirds that make a block. */
export interface MissingKeys {
  readonly missing: readonly Validator[];
  readonly total: number;
  readonly heldPower: bigint;
  readonly totalPower: bigint;
  /** Whether blocks can be made without them. */
  readonly enough: boolean;
}

/** Looks which validators of a set have no key here. */
export function missingKeys(set: ValidatorSet, members: readonly Member[]): MissingKeys {
  const held = new Set(members.map(({ identity }) => toHex(identity.consensus.publicKey)));
  const missing = set.validators.filter(({ publicKey }) => !held.has(toHex(publicKey)));
  const totalPower = totalVotingPower(set);
  const heldPower = missing.reduce((sum, { votingPower }) => sum - votingPower, totalPower);
  return { missing, total: set.validators.length, heldPower, totalPower, enough: heldPower * 3n > totalPower * 2n };
}

/** One line for each validator that misses: its keys, as far as the document tells, and its entity. */
export function missingLines({ missing }: MissingKeys, document: GenesisDocument): string[] {
  const nodes = nodesOf(document);
  return missing.map(({ publicKey, votingPower }) => {
    const node = nodes.find(({ consensus }) => equalBytes(consensus.id, publicKey));
    const who =
      node === undefined
        ? "registered later"
        : `node ${toBase64(node.id)}, entity ${addressToText(addressFromPublicKey(node.entityId))}`;
    return `validator ${toBase64(publicKey)} with ${votingPower} votes, ${who}`;
  });
}

/**
 * The document with validators of our own instead of those that it has: another chain with the same ledger. Nodes of
 * others are gone; our entities have stake, our nodes and the development accounts tokens, which the supply grows by.
 * @param document is changed
 */
export function replaceValidators(
  document: GenesisDocument,
  members: readonly OwnMember[],
  accounts: readonly DevelopmentAccount[],
): void {
  const { registry, staking, beacon } = document;
  const registered = members.filter(({ roles }) => roles !== 0);
  registry.params.debugAllowUnroutableAddresses = true;
  registry.entities = [
    ...registry.entities,
    ...registered.map(({ entity, identity }) =>
      SignedEntity.sign(entity, { v: ENTITY_VERSION, id: entity.publicKey, nodes: [identity.node.publicKey] }),
    ),
  ];
  registry.nodes = members.flatMap((member, i) =>
    member.kind === "validator"
      ? [signDescriptor(memberOffer(member, i, undefined), beacon.base + GENESIS_EXPIRATION)]
      : [],
  );
  registry.nodeStatuses = SortedMap.bytes();
  let demanded = 0n;
  for (const [, amount] of staking.parameters.thresholds) demanded += amount;
  const stake = demanded > ENTITY_STAKE ? demanded : ENTITY_STAKE;
  for (const { entity } of registered) {
    const address = addressFromPublicKey(entity.publicKey);
    const account = Account.zero();
    account.escrow.active = { balance: stake, totalShares: stake };
    staking.ledger.set(address, account);
    const shares = SortedMap.bytes<Delegation | null>();
    shares.set(address, { shares: stake });
    staking.delegations.set(address, shares);
    staking.totalSupply += stake;
  }
  // Nodes pay fees, too, where the document asks for some.
  const funded = [...accounts.map(({ signer }) => signer), ...members.map(({ identity }) => identity.node)];
  for (const { publicKey } of funded) {
    const address = addressFromPublicKey(publicKey);
    const account = staking.ledger.get(address) ?? Account.zero();
    account.general.balance += ACCOUNT_BALANCE;
    staking.ledger.set(address, account);
    staking.totalSupply += ACCOUNT_BALANCE;
  }
}
