/** The rooms of a day: from when on, and how long each beside the longest. */
import type { RoomTime } from "../../api/types";

/** Midnight by the clock of the screen's zone; the server tells 25 hours at most, so does the longest day. */
export function dayStart(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

/** 0 to 1, of the longest. */
export function shareOf(seconds: number, rooms: readonly Pick<RoomTime, "seconds">[]): number {
  const longest = Math.max(...rooms.map((room) => room.seconds));
  return longest > 0 ? seconds / longest : 0;
}
