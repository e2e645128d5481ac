export const APP_NAME = "200_scheduler";
export const MODULE_NAME = "scheduler";
