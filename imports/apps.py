from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "imports"

    def ready(self) -> None:
        from common import housekeeping  # noqa: PLC0415
        from imports import personal_data, services, work  # noqa: F401, PLC0415
        from outbox import jobs  # noqa: PLC0415

        jobs.register(work.work)
        housekeeping.register("finished imports", services.prune)
