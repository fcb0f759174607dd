"""What a Telecare-ECG monitor calls the recordings on its card, and what they are called here.

The text file and the notice by which the monitor announces it name one recording alike.
"""

import re

CARD_NAME = re.compile(r"M\d:\\(\d{8})\\(\d\d)M(\d\d)S(\d\d)\.txt", re.ASCII)
"""``M0:\\20180919\\12M28S36.txt``: day, hour, minute and second by the monitor's clock."""
CARD_NAME_BYTES = 25
DEVICE_CODE = re.compile(r"[0-9A-F]{16}", re.ASCII)


def recording_key(device_code: str, card_name: str) -> str:
    """What one recording is, wherever it comes from: monitor and file."""
    return f"telecare {device_code.upper()} {card_name}"


def file_name(card_name: str) -> str:
    """The name of a file on the card without what no name of a file may hold here."""
    return card_name.partition("\\")[2].replace("\\", "-")
