// Asks a node for a balance and believes nothing but the proof:
//   node examples/prove-balance.mjs URL CHAIN_CONTEXT HEIGHT:HASH ADDRESS
import { addressFromText, connectWeb, fromHex } from "qanat/web/light";

const [url = "", chainContext = "", block = "", address = ""] = process.argv.slice(2);
const [height = "", hash = ""] = block.split(":");

const connection = connectWeb({
  url,
  chainContext,
  // A block that somebody vouches for whom you trust: yourself, when the node is your own.
  root: { height: BigInt(height), hash: fromHex(hash) },
  // Shorter than the time for which validators can lose their stake for having signed something else.
  trustingPeriodMs: 24 * 3600 * 1000,
});

const state = await connection.stateAt();
const { general } = await connection.account(addressFromText(address), state.height);
console.log(`${address} has ${general.balance} base units after block ${state.height}`);
