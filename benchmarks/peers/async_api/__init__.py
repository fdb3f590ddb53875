"""Peer (a): FastAPI, SQLAlchemy 2 (async) and asyncpg."""
