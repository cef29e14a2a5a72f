// Foreign words made safe to stand in a line of ours.

/** The text with "?" for each control character (line ends, NUL, escape sequences); bytes above 0x7f stay as they are. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, "?");
}
