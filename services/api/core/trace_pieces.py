"""The new samples of a batch, piece by piece. Pure."""

from dataclasses import dataclass

from services.api.core.decimation import Samples
from services.api.core.sample_runs import Run, runs
from services.api.core.trace_cutter import TraceCutter
from shared.contracts.frames import FrameBatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TracePiece:
    """Samples that go on with a trace, or begin a stretch of it: (channels, samples)."""

    start_us: float
    values: Samples
    begins: bool
    run: Run


def cut_pieces(
    cutter: TraceCutter, batch: FrameBatch, interval_ns: int, channels: int
) -> list[TracePiece]:
    """What is new of the frames with this interval and so many channels."""
    pieces: list[TracePiece] = []
    for run in runs(batch, interval_ns=interval_ns, channels=channels):
        values = run.values()
        shape = (values.shape[0], values.shape[1])
        cut = cutter.cut(run.t0_us, run.interval_ns, shape, end_us=run.end_us)
        if cut is not None:
            pieces.append(
                TracePiece(
                    start_us=cut.start_us,
                    values=values[:, cut.first : cut.last],
                    begins=cut.begins,
                    run=run,
                )
            )
    return pieces
