from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        # The models are there now.
        from common import (  # noqa: PLC0415
            checks,  # noqa: F401
            housekeeping,
            idempotency,
            metrics,
            personal_data,  # noqa: F401
        )

        housekeeping.register("idempotency records", idempotency.prune, every=housekeeping.HOURLY)
        metrics.register(housekeeping.last_done)
