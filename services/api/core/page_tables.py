"""The tables of contracts that the page needs before it has asked the api anything. Pure."""

import json
from collections.abc import Iterator

from shared.contracts.measures import MEASURES
from shared.contracts.methods import METHODS, PREFERENCE
from shared.contracts.preference import LATE_S, waited_us

_HEAD = """/**
 * Methods of each measure, the one to rely on first, and how long a silent source is waited for.
 * Made by `make generate` from shared/contracts/methods.py and preference.py: do not edit.
 */
export type Nature = "fused" | "direct" | "derived" | "comparison";

export interface Preference {
  readonly waitedMs: number;
  /** By habit it is told so long after the moment that it speaks of. */
  readonly lateS: number;
  readonly methods: Readonly<Record<string, { readonly place: number; readonly nature: Nature }>>;
}

export const PREFERENCES: Readonly<Record<string, Preference>> = {
"""


def preference_source() -> str:
    """``web/src/api/preferences.ts``."""
    return _HEAD + "".join(_rows()) + "};\n"


def _rows() -> Iterator[str]:
    for measure, row in MEASURES.items():
        methods = {
            METHODS[ranked.method].key: {"place": place, "nature": ranked.nature.value}
            for place, ranked in enumerate(PREFERENCE.get(measure, ()))
        }
        waited_ms = waited_us(measure) // 1_000
        late_s = LATE_S.get(measure, 0)
        told = f"waitedMs: {waited_ms}, lateS: {late_s:g}, methods: {json.dumps(methods)}"
        yield f"  {row.key}: {{ {told} }},\n"
