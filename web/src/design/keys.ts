/** Keys of the page: one letter each, and not for those who speak to their screen. */
const KEY = "vitalwire.keys"; // remembered per screen
const TICKED = "input:is([type=checkbox], [type=radio], [type=range])"; // letters mean nothing to these

/** Whether a key belongs to what is being typed (or to the browser), not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (isCharacter(event) && !keysAreOn()) return true;
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches(TICKED)) return !isCharacter(event) || event.key === " ";
  return target.matches("input, select, textarea, [contenteditable], dialog *");
}

/** Keys that are a character can be turned off (WCAG 2.1.4); arrows, Enter and Esc stay. */
export function keysAreOn(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function turnKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, "off");
  } catch {
    // storage can be forbidden: the keys stay as they are
  }
}

function isCharacter({ key }: KeyboardEvent): boolean {
  return key.length === 1;
}
