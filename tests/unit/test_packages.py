"""Noticing that the packages that run are not ours."""

import json

import pytest

from crawler.packages import package_faults


def install(place, name, *files, direct_url=None):
    """Put a distribution and its files into a folder, as an installer does."""
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text("")
    info = place / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    if direct_url is not None:
        (info / "direct_url.json").write_text(json.dumps(direct_url))


OURS = ("crawler/__init__.py", "spiders/__init__.py", "storage/__init__.py")


@pytest.fixture
def place(tmp_path):
    """A folder of installed packages with Holdfast in it."""
    place = tmp_path / "site packages"
    install(place, "holdfast", *OURS)
    return place


def test_an_installation_of_its_own_is_well(place):
    """Holdfast alone in its environment has nothing to complain of."""
    install(place, "other", "other/__init__.py", "other_storage/__init__.py")
    assert package_faults([str(place)]) == []


def test_a_distribution_with_our_names_is_named(place):
    """Another distribution that brings a package of our name may have overwritten ours."""
    install(place, "python-storage", "storage/__init__.py", "storage/s3.py")
    install(place, "crawler", "crawler.py")
    told = package_faults([str(place)])
    assert [one.split(" installs")[0] for one in sorted(told)] == [
        "the distribution crawler",
        "the distribution python-storage",
    ]


def test_a_package_from_elsewhere_is_named(place, tmp_path):
    """A folder that comes before ours in the search path hides our package."""
    foreign = tmp_path / "elsewhere"
    (foreign / "spiders").mkdir(parents=True)
    (foreign / "spiders" / "__init__.py").write_text("")
    (told,) = package_faults([str(foreign), str(place)])
    assert f"the package spiders comes from {foreign / 'spiders'}" in told


def test_a_checkout_is_where_it_says(tmp_path):
    """An editable install runs from its checkout, also when the path has a blank in it."""
    place, checkout = tmp_path / "lib", tmp_path / "a check out"
    url = checkout.as_uri()
    install(place, "holdfast", direct_url={"url": url, "dir_info": {"editable": True}})
    for file in OURS:
        (checkout / file).parent.mkdir(parents=True)
        (checkout / file).write_text("")
    assert package_faults([str(place), str(checkout)]) == []


def test_a_missing_package_is_named(tmp_path):
    """Without our files, or with an empty folder in their place, each package is told."""
    (tmp_path / "crawler").mkdir()
    assert len(package_faults([str(tmp_path)])) == 3
