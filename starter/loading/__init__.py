"""Loading records from files: rows, what they mean, and putting them in by batches."""
