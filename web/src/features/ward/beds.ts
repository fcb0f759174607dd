/** Which beds are shown and in which order. Pure, so that it can be tested without a page. */
import type { Bed } from "../../api/types";
import { type AlarmCounts, category, loudness, urgency } from "../../live/alarms";
import type { Alarm } from "../../live/messages";

export type Filter = "all" | keyof AlarmCounts;
export type Order = "priority" | "bed";
export type Density = "l" | "m" | "s" | "phone";

export interface BedView {
  readonly bed: Bed;
  /** Of this patient, the most urgent first. */
  readonly alarms: readonly Alarm[];
}

export const FREE_RANK = 30;

export function viewBeds(beds: readonly Bed[], alarms: readonly Alarm[]): BedView[] {
  return beds.map((bed) => ({
    bed,
    alarms: alarms.filter((alarm) => alarm.patient === bed.patient?.key),
  }));
}

/** Active before quiet; high, medium, low; physiological before technical; then the bed. */
export function sortBeds(views: readonly BedView[], order: Order, nowMs: number): BedView[] {
  const byBed = (one: BedView, other: BedView): number =>
    one.bed.key.localeCompare(other.bed.key, "en", { numeric: true });
  if (order === "bed") return [...views].sort(byBed);
  return [...views].sort((one, other) => rank(one, nowMs) - rank(other, nowMs) || byBed(one, other));
}

function rank({ bed, alarms }: BedView, nowMs: number): number {
  return bed.patient === null ? FREE_RANK : Math.min(...alarms.map((alarm) => urgency(alarm, nowMs)), urgency(null, nowMs));
}

/** More beds than a page holds: whoever calls is on the first page, in whatever order. */
export function callingFirst(views: readonly BedView[], size: number, nowMs: number): BedView[] {
  if (views.length <= size) return [...views];
  const calls = ({ alarms }: BedView): boolean => alarms.some((alarm) => loudness(alarm, nowMs) === "active");
  let places = Math.max(0, size - views.filter(calls).length);
  const first = new Set(views.filter((view) => calls(view) || places-- > 0).slice(0, size));
  return [...first, ...views.filter((view) => !first.has(view))];
}

/** Whether somebody calls on a later page while the first one has a bed that does not. */
export function hidesCaller(views: readonly BedView[], size: number, nowMs: number): boolean {
  const calls = ({ alarms }: BedView): boolean => alarms.some((alarm) => loudness(alarm, nowMs) === "active");
  return views.slice(size).some(calls) && !views.slice(0, size).every(calls);
}

export function filterBeds(views: readonly BedView[], filter: Filter, nowMs: number): BedView[] {
  if (filter === "all") return [...views];
  return views.filter(({ alarms }) => alarms.some((alarm) => category(alarm, nowMs) === filter));
}

/** The order on the screen: as wanted, but with beds that stay where they were until it may change. */
export function keepOrder(views: readonly BedView[], keys: readonly string[]): BedView[] {
  const place = new Map(keys.map((key, index) => [key, index]));
  const at = (view: BedView): number => place.get(view.bed.key) ?? keys.length;
  return [...views].sort((one, other) => at(one) - at(other));
}

export const SIZES = [8, 16, 60] as const;
export type Size = (typeof SIZES)[number];

/** The smallest layout that shows the whole ward. */
export function fittingSize(beds: number): Size {
  return SIZES.find((size) => beds <= size + size / 4) ?? 60;
}

export function densityOf(size: Size, phone: boolean): Density {
  if (phone) return "phone";
  return size === 8 ? "l" : size === 16 ? "m" : "s";
}

/** Ten by six on a full page; fewer beds get the room of those that are not there. */
const WIDE_OF_HIGH = 10 / 6;

export function columnsOf(size: Size, width: number, beds: number): number {
  if (width <= 700) return 1;
  if (size === 60) return Math.min(width > 1600 ? 10 : 8, Math.max(4, Math.ceil(Math.sqrt(beds * WIDE_OF_HIGH))));
  return width > 1000 ? 4 : 3;
}
