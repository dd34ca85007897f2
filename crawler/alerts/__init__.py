"""The alert channels, one a file."""
