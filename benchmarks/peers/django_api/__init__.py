"""Peer (b): Django and DRF, done the usual way: ModelSerializer, HasAPIKey, gunicorn."""
