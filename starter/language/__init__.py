"""The language of flows: from the text of a file to a checked flow, and back to words, ids and a schema."""
