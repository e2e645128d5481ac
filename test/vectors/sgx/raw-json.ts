/** The text of a member of a JSON object, exactly as it stands: signatures are over these characters. */
export function rawMember(json: string, name: string): string {
  const start = json.indexOf(`"${name}":`) + name.length + 3;
  let depth = 0;
  let quoted = false;
  for (let at = start; at < json.length; at++) {
    const c = json[at] as string;
    if (quoted) {
      if (c === "\\") at++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") {
      depth--;
      if (depth === 0) return json.slice(start, at + 1).trimStart();
    }
  }
  throw new TypeError(`no member ${name}`);
}
