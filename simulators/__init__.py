"""Loopback stand-ins for the outside services, for tests, demos and benchmarks."""
