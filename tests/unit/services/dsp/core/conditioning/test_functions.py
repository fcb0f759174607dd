import numpy as np
import pytest

from services.dsp.core.conditioning import functions


@pytest.mark.parametrize("name", ["log", "exp", "tanh"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_an_element_has_the_same_bits_wherever_it_stands(name: str, kind: type) -> None:
    function = getattr(functions, name)
    rng = np.random.default_rng(0)
    values = np.abs(rng.standard_normal(1000)).astype(kind) * 3 + 1e-3
    whole = function(values)
    np.testing.assert_allclose(whole, getattr(np, name)(values), rtol=1e-6)
    for start in range(40):
        for length in (1, 2, 3, 5, 7, 8, 9, 15, 17, 31, 33, 100):
            part = function(values[start : start + length])
            assert part.tobytes() == whole[start : start + length].tobytes()
