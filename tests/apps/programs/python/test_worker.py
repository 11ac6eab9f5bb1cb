import probe
import pytest


@pytest.mark.parametrize("number", [1, 2])
def test_worker(number):
    if number == 1:
        probe.say()
    assert probe.query() == 42
