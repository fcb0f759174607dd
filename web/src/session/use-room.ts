/** The room that a patient is in, in words: the number comes live, its name is asked for once. */
import { useQuery } from "@tanstack/react-query";

import { type FloorRoom, floorQuery } from "../api/queries";
import type { Reading } from "../design/measure";
import { type Moment, readVital } from "./readings";
import { useSession } from "./session";

export interface RoomSeen {
  readonly reading: Reading;
  /** The room and those around it; null while no room is known, or its name is on its way. */
  readonly room: FloorRoom | null;
  readonly floor: readonly FloorRoom[];
}

export function useRoom(moment: Moment, patient: string): RoomSeen {
  const { api } = useSession();
  const reading = readVital(moment, patient, "room", [], []);
  const number = reading.value;
  const { data } = useQuery({ ...floorQuery(api, patient, number ?? 0), enabled: number !== null });
  const floor = number === null ? [] : (data ?? []);
  return { reading, floor, room: floor.find(({ id }) => id === number) ?? null };
}
