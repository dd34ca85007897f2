"""The example configurations that ship with Holdfast are ones it takes."""

import tomllib
from pathlib import Path

import pytest

from crawler import config

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_an_example_is_taken_as_it_is(example: Path, tmp_path: Path) -> None:
    """With its secrets in place an example loads without a fault or a warning."""
    text = example.read_text(encoding="utf-8")
    (tmp_path / "holdfast.toml").write_text(text, encoding="utf-8")
    for alert in tomllib.loads(text).get("alert", ()):
        for key, file in alert.items():
            if key.endswith("_file"):
                secret = tmp_path / file
                secret.write_text("https://hooks.example.org/a-long-secret\n", encoding="utf-8")
                secret.chmod(0o600)
    loaded = config.load(tmp_path / "holdfast.toml", environ={})
    assert loaded.sites
    assert loaded.archive.operator
    assert loaded.archive.contact
    assert not loaded.warnings
