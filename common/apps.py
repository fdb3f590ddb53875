from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        # The models are there now.
        from common import checks, health, housekeeping, idempotency, metrics  # noqa: PLC0415

        housekeeping.register("idempotency records", idempotency.prune, every=housekeeping.HOURLY)
        metrics.register(housekeeping.last_done)
        # The web server runs no checks at its start.
        health.register(checks.no_proxy_is_trusted)
