"""The warcio room: writer, files, recovery, reader."""
