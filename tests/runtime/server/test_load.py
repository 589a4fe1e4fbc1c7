"""The load test's short form: more clients than the queue has places, each accepted job answered exactly once."""

from runtime.places import FOR_LATECOMERS, MOST_WAITING
from tests.release.load import stub


def test_a_crowd_is_answered_each_once_and_refused_at_once() -> None:
    found = stub(clients=150, jobs=400, names=2, leavers=2, patience=(0.2, 1))
    assert found["told"] == []
    assert found["jobs_answered"] >= 400
    assert found["refused"] > 0
    assert found["left_in_the_middle"] > 2
    assert MOST_WAITING // 2 < found["most_waiting"] <= MOST_WAITING + FOR_LATECOMERS + 1
    assert found["control_failed"] == 0
    assert found["control_requests"] > 0
