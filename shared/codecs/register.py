"""The table of codecs, filled from the folders beside this file.

The walk happens once, when a service starts; a codec name that comes from outside is only looked
up in the result and never reaches the import system.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

import shared.codecs
from shared.contracts.codec import Codec


def load_codecs() -> Mapping[str, Codec]:
    """Give every codec by the name that stands in its MQTT topics.

    Raises
    ------
    TypeError
        If a folder has no ``CODEC`` in its module ``codec``.
    ValueError
        If two folders claim one name.
    """
    found: dict[str, Codec] = {}
    for folder in pkgutil.iter_modules(shared.codecs.__path__):
        if not folder.ispkg:
            continue
        module = importlib.import_module(f"shared.codecs.{folder.name}.codec")
        codec = getattr(module, "CODEC", None)
        if not isinstance(codec, Codec):
            raise TypeError(f"shared/codecs/{folder.name}/codec.py defines no CODEC")
        if codec.name in found:
            raise ValueError(f"two codecs are called {codec.name!r}")
        found[codec.name] = codec
    return MappingProxyType(found)
