from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import (  # noqa: PLC0415 - the models are there now
            checks,  # noqa: F401
            housekeeping,
            metrics,
            order_members,
            overview,  # noqa: F401
            personal_data,  # noqa: F401
            receivers,  # noqa: F401
        )

        order_members.contribute_to_orders()
        housekeeping.register_chores()
        metrics.register_numbers()
