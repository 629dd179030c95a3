"""The commands, by what they are about. Each module loads only what its command runs."""
