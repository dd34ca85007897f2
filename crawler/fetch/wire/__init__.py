"""The wire client: HTTP/1.1 as it is really spoken, every byte kept."""
