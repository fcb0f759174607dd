/** Less motion: as the operating system says, or as chosen for this screen and remembered on it. */
const KEY = "vitalwire.motion";

export function wantsLessMotion(): boolean {
  return document.documentElement.dataset["motion"] === "less" || window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

export function isMotionReduced(): boolean {
  try {
    return localStorage.getItem(KEY) === "less";
  } catch {
    return false;
  }
}

export function reduceMotion(less: boolean): void {
  try {
    if (less) localStorage.setItem(KEY, "less");
    else localStorage.removeItem(KEY);
  } catch {
    // storage can be forbidden: the choice holds until the page is closed
  }
  showMotion(less);
}

/** Bring the document in line with what is remembered. */
export function applyMotion(): void {
  showMotion(isMotionReduced());
}

function showMotion(less: boolean): void {
  const root = document.documentElement;
  if (less) root.dataset["motion"] = "less";
  else delete root.dataset["motion"];
}
