"""The file of default limits that comes with the program."""

import tomllib
from importlib import resources

import msgspec

from services.alarms.core.limits import DefaultLimits
from shared.errors import Misconfigured

FILE = "default_limits.toml"


def load_default_limits() -> DefaultLimits:
    """The defaults by age.

    Raises
    ------
    Misconfigured : the file has an unknown name, or a value of a wrong type
    """
    text = resources.files(__package__).joinpath(FILE).read_text("utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), DefaultLimits)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{FILE}: {error}") from error
