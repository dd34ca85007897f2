"""What ``crawler/config.py`` stands on: the tables of holdfast.toml, secrets, sentences, lines."""
