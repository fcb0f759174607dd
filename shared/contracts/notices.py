"""Notices: what must reach a person outside the page (mail, message), on the queue ``notices``."""

import msgspec


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One notice. It names no patient: `text_key` and the alarm's id lead to the page."""

    id: str
    t: int
    alarm: str
    priority: str
    text_key: str
    patient: int
