"""The effects. To add an action, add one file to `actions/`: nothing else changes."""
