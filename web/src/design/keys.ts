/** Whether a key belongs to what is being typed (or to the browser), not to the page. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("input, select, textarea, [contenteditable], dialog *");
}
