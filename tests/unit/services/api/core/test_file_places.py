from services.api.core.file_places import FilePlaces


def test_a_user_has_some_places_and_all_have_more() -> None:
    places = FilePlaces(most=3, a_user=2)
    for user in (1, 1):
        assert places.is_free(user)
        places.take(user)
    assert not places.is_free(1)
    assert places.is_free(2)
    places.take(2)
    assert not places.is_free(3)
    places.give_back(1)
    assert places.is_free(3)
    assert places.is_free(1)
