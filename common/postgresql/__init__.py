"""A database backend for Django's `ENGINE`: PostgreSQL behind poolers and after outages."""
