"""What one page of a host has learnt, its other pages know."""

from pathlib import Path

from catalogues import opened, watch

from storage.catalogue import standings
from storage.model import Standing


def test_pages_of_a_host_share_what_they_learnt(tmp_path: Path) -> None:
    """Slots and texts are shared; what a page knows of its own paragraphs is not."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        one, two, far = watch(
            db, "https://a.example/1", "https://a.example/2", "https://b.example/1"
        )
        standings.put(db, Standing(target_id=one.id, noise=("s:1", "t:2", "h:3", "v:")))
        standings.put(db, Standing(target_id=far.id, noise=("s:9",)))
        assert standings.one(db, one.id).noise == ("s:1", "t:2", "h:3", "v:")
        learnt = standings.noise_of_host(db, "a.example", except_target=two.id)
        assert learnt == {"s:1", "t:2"}
        assert standings.noise_of_host(db, "a.example", except_target=one.id) == frozenset()
    catalogue.close()


def test_a_standing_keeps_which_capture_waits_for_its_twin(tmp_path: Path) -> None:
    """A page of an older catalogue knows of no noise and waits for nothing."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        (one,) = watch(db, "https://a.example/1")
        standings.put(db, Standing(target_id=one.id, twin_capture_id=7))
        assert standings.one(db, one.id).twin_capture_id == 7
    assert Standing(target_id=1).noise == ()
    catalogue.close()
