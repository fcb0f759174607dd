"""Starts the fuzzing of codecs, a process each, and tells what was reached and found."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.harness.codecs import load_samples

PROJECT = Path(__file__).parents[2]
FINDINGS = Path(__file__).parent / "findings"
"""A folder a codec: bytes that once made it fail. They stay, as vectors of `test_findings`."""
LONGEST_INPUT = 4_096
ONE_INPUT_S = 20
"""An input that takes longer is a finding: the gateway must not stand still for a device.

By the clock on the wall: a busy machine may stop for seconds, a loop does not end in a minute."""
MEMORY_MB = 1_024
STINT_RUNS = 300_000
"""Of one process: the instrumentation leaks a kilobyte for each comparison of arrays (`packed`'s
plain form makes one an input), which without it does not happen. The corpus goes on."""
START_S = 300.0
_DONE = re.compile(r"Done (\d+) runs in (\d+) second")
_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What became of fuzzing one codec. ``features``: edges with how often they were taken."""

    codec: str
    seconds: float
    runs: int
    edges: int
    features: int
    inputs: int
    failure: str = ""


def fuzz(codec: str, seconds: int, corpus: Path) -> Fuzzed:
    """Fuzz one codec from its samples on; what is found is written to `FINDINGS`."""
    _plant(codec, corpus)
    findings = FINDINGS / codec
    findings.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    runs, said, failure = 0, "", ""
    while (left_s := round(began_s + seconds - time.monotonic())) > 0 and not failure:
        status, said = _stint(codec, left_s, corpus, findings)
        done = _DONE.search(said)
        runs += int(done[1]) if done else 0
        failure = "" if status == 0 and done else _why(said)
    reached = _COVERAGE.findall(said)
    edges, features, inputs = map(int, reached[-1]) if reached else (0, 0, 0)
    if not any(findings.iterdir()):
        findings.rmdir()
    return Fuzzed(
        codec=codec,
        seconds=time.monotonic() - began_s,
        runs=runs,
        edges=edges,
        features=features,
        inputs=inputs,
        failure=failure,
    )


def _stint(codec: str, seconds: int, corpus: Path, findings: Path) -> tuple[int, str]:
    """One process for so many seconds at most; gives its exit status and what it said."""
    with tempfile.TemporaryDirectory(prefix="vw-fuzz-") as folder:
        tokens = Path(folder) / "tokens"
        tokens.write_text(
            "".join(
                '"' + "".join(f"\\x{octet:02x}" for octet in token) + '"\n'
                for token in load_samples()[codec].tokens
            )
        )
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.fuzz.one_codec", codec),
                *(f"-max_total_time={seconds}", f"-runs={STINT_RUNS}"),
                *(f"-max_len={LONGEST_INPUT}", f"-dict={tokens}"),
                *(f"-timeout={ONE_INPUT_S}", f"-rss_limit_mb={MEMORY_MB}"),
                *(f"-artifact_prefix={findings}/", "-print_final_stats=0", str(corpus)),
            ],
            cwd=PROJECT,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + START_S + ONE_INPUT_S,
        )
    return done.returncode, done.stdout + done.stderr


def fuzz_all(codecs: Sequence[str], seconds: float, corpus: Path, workers: int) -> list[Fuzzed]:
    """Fuzz each codec for its share of so many seconds of work."""
    share_s = max(1, round(seconds / len(codecs)))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda codec: fuzz(codec, share_s, corpus / codec), codecs))


def told(found: Sequence[Fuzzed]) -> str:
    """The figures as a table."""
    rows = ["| codec | s | inputs | a second | edges | features | kept | |", "|---" * 8 + "|"]
    rows += [
        f"| {one.codec} | {one.seconds:.0f} | {one.runs:,} | {one.runs / one.seconds:,.0f} "
        f"| {one.edges} | {one.features} | {one.inputs} | {'FOUND' if one.failure else ''} |"
        for one in found
    ]
    return "\n".join(rows)


def _why(said: str) -> str:
    """Give the traceback of what was found, and the last words."""
    at = said.find("Uncaught Python exception")
    return (said[at : at + 2_000] if at >= 0 else "") + said[-1_500:]


def _plant(codec: str, corpus: Path) -> None:
    """Put the samples of a codec into a folder, each alone and all behind one another."""
    corpus.mkdir(parents=True, exist_ok=True)
    samples = load_samples()[codec]
    for index, message in enumerate((*samples.messages, samples.stream)):
        (corpus / f"sample-{index}").write_bytes(message)
