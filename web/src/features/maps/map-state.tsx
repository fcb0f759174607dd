import type { PlaceMap } from "../../api/map-queries";
import { Tag } from "../../design/tag";
import { mapTexts } from "../../design/texts-maps";

/** Whether places are told by a map, in words. */
export function MapState({ state }: Pick<PlaceMap, "state">) {
  const isUsed = state === "in_use" || state === "starting";
  return <Tag {...(isUsed ? { look: "on" as const } : {})}>{mapTexts.states[state]}</Tag>;
}
