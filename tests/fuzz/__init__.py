"""Bytes -> whether readers bear them: `make fuzz` looks for what they do not, test_source_fuzz.py remembers."""
