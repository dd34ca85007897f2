"""Write events into an Atom feed, a file that any web server can give out."""

from dataclasses import dataclass
from pathlib import Path

from crawler.errors import DeliveryError
from crawler.feed import About, Entry, atom, digest_of, entry_of, named_id, read
from crawler.outbound import Door
from crawler.wording import shown
from storage.folders import explain, write_file
from storage.model import Delivery

DIGEST_FROM = 20
"""From so many events on a delivery is one entry: a reader is not to be flooded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """The newest entries in one file; a delivery that comes twice stands in it once."""

    path: str
    """The file, with its whole path; it is replaced whole."""
    title: str = "Holdfast"
    address: str = ""
    """Where readers get it, if that is known: ``https://example.org/holdfast.atom``."""
    entries: int = 200
    """How many are kept."""

    def __post_init__(self) -> None:
        """Refuse a path that depends on where the service was started."""
        if not Path(self.path).is_absolute() or "\0" in self.path:
            raise ValueError('path must be the whole path of a file: "/srv/www/holdfast.atom"')
        if self.entries < 1:
            raise ValueError("entries must be 1 or more")

    def send(self, delivery: Delivery, _door: Door, /) -> None:
        """Add the delivery to the file; done when the file is safe on the disk."""
        new = [entry_of(one, delivery) for one in delivery.events]
        if len(new) >= DIGEST_FROM:
            new = [digest_of(delivery)]
        path = Path(self.path)
        try:
            known = {one.id: one for one in [*self._kept(path), *new]}
            newest = sorted(known.values(), key=lambda one: one.updated_at)[-self.entries :]
            about = About(title=self.title, id=self._id(), link=self.address)
            write_file(path, atom(about, newest))
        except OSError as error:
            why = f"the feed {shown(self.path)} cannot be written: {explain(error)}"
            raise DeliveryError(why) from error

    def _kept(self, path: Path) -> list[Entry]:
        """Return what the file holds; one that is not ours is left alone."""
        try:
            return read(path.read_bytes())
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise DeliveryError(
                f"{shown(self.path)} is there and is no feed of ours ({shown(str(error))}); "
                "move it away, or name another path"
            ) from error

    def _id(self) -> str:
        return named_id(f"feed {self.address or self.path}")
