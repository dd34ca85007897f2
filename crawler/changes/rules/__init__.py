"""The change rules, one a file."""
