from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"

    def ready(self) -> None:
        # The models are there now.
        from common import (  # noqa: PLC0415
            checks,
            health,
            housekeeping,
            idempotency,
            metrics,
            personal_data,  # noqa: F401
            pooling,
        )
        from common.metric_files import metric_file  # noqa: PLC0415

        health.register(lambda: metric_file.trouble)
        housekeeping.register("idempotency records", idempotency.prune, every=housekeeping.HOURLY)
        metrics.register(housekeeping.last_done)
        health.register(pooling.unannounced_pooler)
        # The web server runs no checks at its start.
        health.register(checks.no_proxy_is_trusted)
