"""Measurements. None of them is a test: machines differ, and nothing fails for being slow."""
