/** A file as somebody chose it: what it is, and what must be said beside it. */
import type { MapFile } from "../../api/map-queries";

export const LARGEST_BYTES = 2 * 1024 * 1024;
export const KEY_PATTERN = "[a-z0-9\\-]{1,40}";

/** JSON says site and floor itself; everything else is read as CSV. */
export function formOf(name: string): MapFile["form"] {
  return name.toLowerCase().endsWith(".json") ? "application/json" : "text/csv";
}

/** `north-1.csv` is likely floor 1 of north: what the fields begin with. */
export function placeIn(name: string): { readonly site: string; readonly floor: string } {
  const stem = name.toLowerCase().replace(/\.[^.]*$/, "");
  const found = /^([a-z0-9-]*[a-z0-9])[-_ ]+(?:floor[-_ ]*)?([a-z0-9]{1,8})$/.exec(stem);
  const [, site = "", floor = ""] = found ?? [];
  return site === "floor" || site.length > 40 ? { site: "", floor } : { site: site.replace(/[-_ ]?floor$/, ""), floor };
}
