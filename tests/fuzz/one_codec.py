"""A process that fuzzes one codec until its time is over, or something is found.

``python -m tests.fuzz.one_codec CODEC [options of libFuzzer] CORPUS``; `fuzzing` starts it.
"""

import sys
from collections.abc import Callable

import atheris


def main() -> None:
    """Fuzz; ends the process, with a status other than 0 if something was found."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["shared.codecs", "shared.recordings"]):
        from tests.fuzz.target import check
        from tests.harness.codecs import load_samples
    seal = load_samples()[name].seal

    def one_input(data: bytes) -> None:
        check(name, data)

    def mutate(data: bytes, largest: int, seed: int) -> bytes:
        """Change bytes; three times of four give them the checksum that lets them further in."""
        changed: bytes = atheris.Mutate(data, len(data))
        if seed % 4 and seal is not None:
            changed = seal(changed)
        return changed[:largest]

    options: dict[str, Callable[[bytes, int, int], bytes]] = {"custom_mutator": mutate}
    atheris.Setup(sys.argv, one_input, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
