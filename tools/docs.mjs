// npm run docs: writes docs/generated anew. With a folder of vectors, which recordings contain which error codes is
// looked up there too. A test compares the documents with what this would write.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./support/run.mjs";
import { importTypeScript } from "./support/typescript.mjs";

const { FOLDER, generateDocuments, RECORDED, recordingsText } = await importTypeScript("tools/docs/index.ts");
const vectors = process.env.QANAT_VECTORS ?? join(ROOT, "../shared/vectors");
if (existsSync(join(vectors, "chains"))) writeFileSync(join(ROOT, RECORDED), recordingsText(vectors));
mkdirSync(join(ROOT, FOLDER), { recursive: true });
for (const [path, text] of generateDocuments(ROOT)) {
  writeFileSync(join(ROOT, path), text);
  process.stdout.write(`${path}\n`);
}
