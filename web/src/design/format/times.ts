/** Times and durations as the page writes them: 24 h, zone named, no seconds lost. */

/** `0:42`, `31:00`, `6 h 05`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole >= 3600) {
    return `${String(Math.floor(whole / 3600))} h ${two(Math.floor((whole % 3600) / 60))}`;
  }
  return `${String(Math.floor(whole / 60))}:${two(whole % 60)}`;
}

/** `12 s`, `4 min`, `3 h`. */
export function formatAge(seconds: number): string {
  if (seconds < 100) return `${String(Math.round(seconds))}\u00a0s`;
  if (seconds < 5400) return `${String(Math.round(seconds / 60))}\u00a0min`;
  return `${String(Math.round(seconds / 3600))}\u00a0h`;
}

/** `40 s`, `12 min`, `3 h 05 min`: how long somebody was somewhere. */
export function formatStay(seconds: number): string {
  if (seconds < 60) return `${String(Math.round(seconds))}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)}\u00a0min`;
  return `${String(Math.floor(minutes / 60))}\u00a0h ${two(minutes % 60)}\u00a0min`;
}

export function formatTimeOfDay(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function formatHourMinute(ms: number): string {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `Thu 12 Mar`. */
export function formatDay(ms: number): string {
  const at = new Date(ms);
  return `${DAYS[at.getDay()] ?? ""} ${String(at.getDate())} ${MONTHS[at.getMonth()] ?? ""}`;
}

/** `Thu 12 Mar 14:32`. */
export function formatDayTime(ms: number): string {
  return `${formatDay(ms)} ${formatHourMinute(ms)}`;
}

/** `UTC+1`, `UTC−3:30`, `UTC`. */
export function formatZone(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${String(hours)}${rest === 0 ? "" : `:${two(rest)}`}`;
}

/** Whole years from a day of birth (or a year of birth) until now. */
export function ageInYears(birth: string | number | null, nowMs: number): number | null {
  if (birth === null || Number.isNaN(nowMs)) return null;
  const now = new Date(nowMs);
  if (typeof birth === "number") return now.getFullYear() - birth;
  const [year = NaN, month = 1, day = 1] = birth.split("-").map(Number);
  if (Number.isNaN(year)) return null;
  const before = now.getMonth() + 1 < month || (now.getMonth() + 1 === month && now.getDate() < day);
  return now.getFullYear() - year - (before ? 1 : 0);
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
