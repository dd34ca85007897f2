"""The dossier of an event: what a stranger needs to check it without us."""
