"""Hold WARC files of any origin to the words of the standard, and say where they differ."""
