"""Keep bytes and facts; know nobody."""
