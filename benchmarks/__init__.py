"""How fast Klanten is, beside peers and a limit: `make bench`. See docs/performance.md."""
