from django.apps import AppConfig, apps
from django.db.models import CharField

from common.text import validate_one_line


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
        require_plain_texts()


def require_plain_texts() -> None:
    """Holds every CharField of every model, the libraries' too, to one line of plain text.

    A model says by `CHARACTERS` which of its fields go by another rule. Forms ask a model's
    validators, the admin's and those of the OpenID provider alike. Here and not in the models,
    because most of the admin's models belong to libraries.
    """
    for model in apps.get_models():
        others = getattr(model, "CHARACTERS", {})
        for field in model._meta.local_fields:
            if isinstance(field, CharField):
                field.validators.append(others.get(field.name, validate_one_line))
