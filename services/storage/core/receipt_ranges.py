"""Receipts of a commit: which messages of which device and boot are stored, as ranges of n."""

import numpy as np
from numpy.typing import NDArray

from shared.contracts.receipts import Receipt


def receipt_ranges(
    device: NDArray[np.int64], boot: NDArray[np.int64], n: NDArray[np.int64]
) -> list[Receipt]:
    """Receipts for messages given as columns in any order, with repeats: sorted, cumulative.

    Parameters
    ----------
    device, boot, n : (messages,) identities, n from 0 to 2**32 - 1
    """
    if len(n) == 0:
        return []
    order = np.lexsort((n, boot, device))
    device, boot, n = device[order], boot[order], n[order]
    other_boot = np.concatenate(([True], (np.diff(device) != 0) | (np.diff(boot) != 0)))
    begins = other_boot.copy()
    begins[1:] |= np.diff(n) > 1
    firsts = np.flatnonzero(begins)
    lasts = np.concatenate((firsts[1:] - 1, [len(n) - 1]))
    receipts: list[Receipt] = []
    ranges: list[tuple[int, int]] = []
    for is_new, of_device, of_boot, first, last in zip(
        other_boot[firsts].tolist(),
        device[firsts].tolist(),
        boot[firsts].tolist(),
        n[firsts].tolist(),
        n[lasts].tolist(),
        strict=True,
    ):
        if is_new:
            ranges = []
            receipts.append(Receipt(of_device, of_boot, ranges))
        ranges.append((first, last))
    return receipts
