/** The reporter as a program of its own, for questions that are addresses of pages which hold a number. */
import { fromUtf8 } from "qanat/runtime";
import { startComponent } from "qanat/runtime/process";
import { reporter } from "./reporter.ts";

startComponent(reporter(async (subject) => BigInt((await (await fetch(fromUtf8(subject))).text()).trim())));
