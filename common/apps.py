from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        # The models are there now.
        from common import checks, housekeeping, idempotency, metrics  # noqa: F401, PLC0415

        housekeeping.register("idempotency records", idempotency.prune, every=housekeeping.HOURLY)
        metrics.register(housekeeping.last_done)
