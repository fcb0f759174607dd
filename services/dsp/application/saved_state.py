"""What a lane has in its windows as bytes, and back: who restarts goes on from there.

A replay rebuilds the same from the frames, but of hundreds of devices it takes as many minutes as
their estimators remember. So a saved state only saves time: one that is missing, of another
version of the code or damaged is passed over, and the frames are replayed.

It is a pickle, of our own classes and arrays alone: an estimator is named and not stored, and
nothing else than the classes of the state is ever called (docs/decisions/0022).
"""

import hashlib
import hmac
import importlib
import io
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

from typing_extensions import override

from services.dsp.application.positions import ReplayMarks
from services.dsp.core.circumstances import Circumstances
from services.dsp.core.estimator import Estimator
from services.dsp.core.estimators import ESTIMATORS
from services.dsp.core.exchange import Reached
from services.dsp.core.lane import LaneSignals
from services.dsp.core.summaries import Windows

MAGIC = b"vitalwire dsp 1\n"
DIGEST_BYTES = hashlib.sha256().digest_size
START = len(MAGIC) + DIGEST_BYTES
BY_KEY = {estimator.key: estimator for estimator in ESTIMATORS}
OWN = ("services.dsp.core.", "services.dsp.application.positions", "shared.contracts.")
ARRAYS = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
    }
)
"""What numpy's own pickles call."""
COLLECTIONS = frozenset({("collections", "deque"), ("collections", "OrderedDict")})


class BadState(ValueError):
    """No state that can be gone on from: damaged, or of other code."""


class SavedState(NamedTuple):
    """What the live loop of a lane knows after a message.

    Attributes
    ----------
    taken : the last message that it rests on; all that came out by it was given out
    """

    signals: LaneSignals
    windows: Windows
    marks: ReplayMarks
    taken: Reached


def encode(
    state: SavedState, identity: bytes, *, circumstances: Callable[[], Circumstances]
) -> bytes:
    """As bytes.

    Parameters
    ----------
    identity : of the code, the stream and the lane: only who has the same reads it back
    circumstances : that the signals were made with; it is named and not stored
    """
    content = io.BytesIO()
    content.write(MAGIC + bytes(DIGEST_BYTES))
    _Pickler(content, circumstances).dump(tuple(state))
    with content.getbuffer() as whole:  # in place: it may be a hundred megabytes
        whole[len(MAGIC) : START] = _digest(identity, whole[START:])
    return content.getvalue()


def decode(
    content: bytes, identity: bytes, *, circumstances: Callable[[], Circumstances]
) -> SavedState:
    """Back from bytes.

    Parameters
    ----------
    circumstances : gives what is known, to whoever asked for them before

    Raises
    ------
    BadState : damaged, or not of this identity
    """
    body = memoryview(content)[START:]
    found = content[len(MAGIC) : START]
    if not content.startswith(MAGIC) or not hmac.compare_digest(found, _digest(identity, body)):
        raise BadState("the saved state is damaged or of other code")
    try:
        return SavedState(*_Unpickler(io.BytesIO(body), circumstances).load())
    except (pickle.UnpicklingError, LookupError, TypeError, AttributeError, ImportError) as error:
        raise BadState(f"the saved state is none: {error}") from error


def _digest(identity: bytes, body: memoryview) -> bytes:
    digest = hashlib.sha256(len(identity).to_bytes(8, "big"))
    digest.update(identity)
    digest.update(body)
    return digest.digest()


class _Pickler(pickle.Pickler):
    """Names what is part of the program."""

    def __init__(self, file: io.BytesIO, circumstances: Callable[[], Circumstances]) -> None:
        super().__init__(file, protocol=5)
        self._circumstances = circumstances

    @override
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, Estimator):
            return "estimator", obj.key
        return ("circumstances", "") if obj is self._circumstances else None


class _Unpickler(pickle.Unpickler):
    """Finds what was named, and calls nothing but the classes of a state."""

    def __init__(self, file: io.BytesIO, circumstances: Callable[[], Circumstances]) -> None:
        super().__init__(file)
        self._circumstances = circumstances

    @override
    def persistent_load(self, pid: Any) -> Any:
        kind, key = pid
        return self._circumstances if kind == "circumstances" else BY_KEY[key]

    @override
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ARRAYS or (module, name) in COLLECTIONS:
            return super().find_class(module, name)
        if module.startswith(OWN):
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type):
                return found
        raise BadState(f"{module}.{name} is no part of a state")
