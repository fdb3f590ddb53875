"""What was tried against an installation, and does not work."""
