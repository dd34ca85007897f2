"""Decide what changed between two captures, and what is gone."""
