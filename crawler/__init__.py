"""Fetch, compare, tell."""
