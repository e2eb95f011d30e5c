from collections import Counter

from onboarding.people import character
from onboarding.sessions import Stage

CROWD = [character(f"onb-{number}") for number in range(3000)]


def test_a_person_stays_who_they_are():
    assert character("onb-7") == character("onb-7")
    assert character("onb-7") != character("onb-8")


def test_most_see_the_flow_through_and_some_give_up_at_each_place_where_people_decide():
    ends = Counter(person.gives_up_at for person in CROWD)
    assert set(ends) == {None, Stage.STARTED, Stage.RECOMMENDATIONS_GENERATED, Stage.APPROVAL_DECISION}
    assert ends[None] > len(CROWD) / 2


def test_those_who_migrate_give_up_more_often():
    def stay(kind):
        of_kind = [person for person in CROWD if person.kind == kind]
        return sum(person.gives_up_at is None for person in of_kind) / len(of_kind)

    assert stay("migration") < stay("personal") - 0.1
