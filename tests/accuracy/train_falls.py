"""Writes the weights that judge impacts: waist and pocket, each from all its recordings.

    .venv/bin/python -m tests.accuracy.train_falls FOLDER_OF_RECORDINGS

SisFall and UMAFall teach the waist, MobiFall the pocket. How well people are judged that a network
has not seen is told by the scorer, which trains anew without each of them.
"""

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from services.dsp.core.motion import fall_learning
from services.dsp.core.motion.fall_learning import Trial, learn, trials_of
from services.dsp.core.motion.fall_network import FallNetwork

WEIGHTS = Path(__file__).parents[2] / "services/dsp/core/motion/fall_weights.py"
POCKET_FALLS = ("FOL", "FKL", "BSC", "SDL")
PLACES = {
    "WAIST": (("sisfall", "umafall"), fall_learning.AT_WAIST),
    "POCKET": (("mobifall",), fall_learning.IN_POCKET),
}


def trials(folder: Path, sizes: tuple[float, ...]) -> list[Trial]:
    """All trials of one set at its own rate."""
    found: list[Trial] = []
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as archive:
            fields: dict[str, Any] = {key: archive[key] for key in archive.files}
        values = np.cumsum(fields["acc_diff"].astype(np.int64), axis=0) * fields["g_per_count"]
        edges = zip(fields["start"][:-1], fields["start"][1:], strict=True)
        recordings = [values[begin:end] for begin, end in edges]
        found += trials_of(recordings, _falls(fields), int(fields["fs"]), sizes=sizes)
    return found


def _falls(fields: dict[str, Any]) -> list[bool]:
    if "kind" in fields:
        return [str(kind) == "fall" for kind in fields["kind"]]
    codes = [str(code) for code in fields["code"]]
    return [code in POCKET_FALLS or code.startswith("F") for code in codes]


def written(network: FallNetwork) -> str:
    """The network as Python."""
    parts = []
    for name, array in zip(network._fields, network, strict=True):
        numbers = ", ".join(f"{value:.4g}" for value in np.ravel(array)) + ","
        lines = textwrap.wrap(numbers, 96, initial_indent=" " * 4, subsequent_indent=" " * 4)
        parts.append("\n".join((f"    {name}=_array((", *lines, f"    ), {np.shape(array)}),\n")))
    return "FallNetwork(\n" + "".join(parts) + ")  # fmt: skip"


def main() -> int:
    """Learn and write."""
    root = Path(sys.argv[1])
    lines = [
        '"""Weights that judge impacts. Written by `tests/accuracy/train_falls.py`."""\n',
        "import numpy as np\n",
        "from services.dsp.core.motion.fall_network import FallNetwork",
        "from services.dsp.core.windows import Floats\n\n",
        "def _array(numbers: tuple[float, ...], shape: tuple[int, ...]) -> Floats:",
        "    return np.array(numbers).reshape(shape)\n\n",
    ]
    for place, (sets, sizes) in PLACES.items():
        network = learn([trial for name in sets for trial in trials(root / name, sizes)])
        lines.append(f"{place} = {written(network)}")
    WEIGHTS.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
