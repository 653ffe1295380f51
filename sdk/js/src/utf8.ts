/** Text to bytes and back, because the sandbox's JavaScript has no `TextEncoder`; knows nothing else. */

/** The text with U+FFFD for each lone surrogate: no host takes one, as UTF-8 has none. */
export function wellFormed(text: string): string {
  // With `u`, two that pair are one letter and do not match.
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** The bytes of a text; a lone surrogate becomes U+FFFD, as everywhere on the web. */
export function encode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const letter of wellFormed(text)) {
    const code = letter.codePointAt(0) ?? 0;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    } else {
      bytes.push(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 0x3f),
        0x80 | ((code >> 6) & 0x3f),
        0x80 | (code & 0x3f),
      );
    }
  }
  return Uint8Array.from(bytes);
}

/** How many bytes a text has. */
export function byteLength(text: string): number {
  let bytes = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** The text of some bytes. Throws `RangeError` where they are not UTF-8. */
export function decode(bytes: Uint8Array): string {
  const letters: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    const more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : -1;
    let code = more === 0 ? first : first & (0x3f >> more);
    for (let next = 1; next <= more; next += 1) {
      const byte = bytes[at + next] ?? 0;
      if ((byte & 0xc0) !== 0x80) throw new RangeError(`byte ${at + next} is not UTF-8`);
      code = (code << 6) | (byte & 0x3f);
    }
    const least = [0, 0x80, 0x800, 0x10000][more] ?? Infinity;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new RangeError(`byte ${at} is not UTF-8`);
    }
    letters.push(String.fromCodePoint(code));
    at += more + 1;
  }
  return letters.join("");
}
