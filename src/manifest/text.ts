/** Characters that can hide or reorder text: C0, C1, line separators, zero-width and bidirectional controls. */
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;
const EVERY_INVISIBLE = new RegExp(INVISIBLE, "g");

/** Whether a text has control, zero-width or bidirectional characters: a name that reads as another one. */
export function hasControl(text: string): boolean {
  return INVISIBLE.test(text) || !text.isWellFormed();
}

/** Control and bidirectional characters as visible escapes (`\u001b`): a text from outside stays one harmless line. */
export function escapeControl(text: string): string {
  return text
    .toWellFormed()
    .replace(EVERY_INVISIBLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Like {@link escapeControl}, but one visible character for each, so that columns stay what they are. */
export function visibleLine(text: string): string {
  return text.toWellFormed().replace(EVERY_INVISIBLE, (character) => {
    const code = character.charCodeAt(0);
    if (code === 9) return " ";
    return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? "\u2421" : "\ufffd";
  });
}
