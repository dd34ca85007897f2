"""Keep the index by which replay tools find a capture: made anew from the WARC files when lost."""
