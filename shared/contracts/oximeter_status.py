"""What an oximeter says of itself in the status word of the ChipOx modules, and what changed.

The module's bits as an event names them; the source lists them, their order from bit 0 on is ours.
"""

from collections.abc import Iterator
from types import MappingProxyType

STATUS_BITS = MappingProxyType(
    {
        0: "pulse_wave_detected",
        1: "searching_for_pulse",
        2: "pulse_search_timeout",
        3: "sensor_defective",
        4: "supply_out_of_tolerance",
        5: "temperature_out_of_tolerance",
        6: "wrong_sensor",
        7: "value_out_of_range",
        8: "motion_artefact",
    }
)
"""Names by bit; 9 to 14 are reserved and 15 is unused: they say nothing."""
STATUS_MASK = sum(1 << bit for bit in STATUS_BITS)
QUIET_STATUS = 0b1
"""A pulse wave and nothing else: what is assumed of an oximeter that has not said otherwise, so
that a decoder has nothing to remember of one that measures."""


def status_changes(before: int, after: int) -> Iterator[tuple[str, bool]]:
    """Give each status that is not as it was, and whether it is on now."""
    for bit, name in STATUS_BITS.items():
        if (before ^ after) >> bit & 1:
            yield name, bool(after >> bit & 1)
