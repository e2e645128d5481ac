export { UpgradeManager } from "./block/manager.js";
