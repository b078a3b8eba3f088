"""Promises -> figures: tests that try to break each promise, in two tiers, and the run that writes docs/trust.md.

A test tells how much it tried with pytest's own `record_property("cases", n)`; one that does not counts as one case.
"""
