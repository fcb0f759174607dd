"""Places for a scorer."""

import numpy as np
from numpy.typing import NDArray

from services.dsp.core.position import fingerprints
from services.dsp.core.windows import Floats
from services.dsp.scorers.seconds import Result


class position:  # noqa: N801  # the scorer's name
    """Task position: a map of measured places, then single scans."""

    def __init__(self, access_points: list[str]) -> None:
        self._n = len(access_points)
        self._map: fingerprints.FingerprintMap | None = None

    def fit(self, dbm: Floats, xy_m: Floats, rooms: NDArray[np.int64]) -> None:
        """Take the map."""
        heard = np.isfinite(dbm).any(axis=1)
        self._map = fingerprints.fingerprint_map(dbm[heard], xy_m[heard], rooms[heard])

    def locate(self, dbm: Floats) -> Result:
        """The place of one scan (access points,); empty where there is none."""
        assert self._map is not None
        fix = fingerprints.locate(self._map, dbm.reshape(1, self._n))
        if fix.room[0] < 0:
            return {}
        return {"x": float(fix.xy_m[0, 0]), "y": float(fix.xy_m[0, 1]), "room": int(fix.room[0])}
