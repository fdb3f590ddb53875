from collections.abc import Iterator

import pytest

from tests.faults.engines import Celery, Engine, Loop, broker_answers


@pytest.fixture(params=[Loop, Celery], ids=["loop", "celery"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two engines; Celery only where there is a broker."""
    if request.param is Celery and not broker_answers():
        pytest.skip("no broker answers")
    engine: Engine = request.param()
    with engine.installed():
        yield engine
