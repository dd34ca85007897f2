"""Read the article out of an exchange."""
