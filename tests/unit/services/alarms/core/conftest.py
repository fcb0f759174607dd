"""A patient watched by the adult's default limits."""

import pytest

from services.alarms.adapters.default_limits import load_default_limits
from services.alarms.core.limits import DefaultLimits
from tests.unit.services.alarms.core.bedside import Bedside


@pytest.fixture(scope="session")
def defaults() -> DefaultLimits:
    return load_default_limits()


@pytest.fixture
def bedside(defaults: DefaultLimits) -> Bedside:
    return Bedside(defaults)
