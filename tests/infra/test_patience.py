"""How often a program may end before it is given up."""

from infra.supervisor.patience import MOST_QUICK_ENDS, QUICK_SECONDS, Patience


def test_pauses_grow_and_then_patience_is_over() -> None:
    patience = Patience()
    pauses = [patience.pause_after(1) for _ in range(MOST_QUICK_ENDS)]
    assert pauses[-1] is None
    given = [pause for pause in pauses if pause is not None]
    assert given == sorted(given)
    assert len(given) == MOST_QUICK_ENDS - 1


def test_program_that_ran_for_a_while_starts_with_fresh_patience() -> None:
    patience = Patience()
    for _ in range(3 * MOST_QUICK_ENDS):
        assert patience.pause_after(1) is not None
        assert patience.pause_after(QUICK_SECONDS + 1) is not None
