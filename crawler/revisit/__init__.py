"""Decide when to look again."""
