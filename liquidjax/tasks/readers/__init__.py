"""Data sets out of people's own files, one format a file; all of them strictly, nothing is guessed or passed over."""
