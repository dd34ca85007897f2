"""Print and serve the Saltmarsh Courier, a newspaper that does not exist."""
