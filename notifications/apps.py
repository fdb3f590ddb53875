from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        from notifications import checks, order_members, receivers  # noqa: F401, PLC0415

        order_members.contribute_to_orders()
