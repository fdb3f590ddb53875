from django.apps import AppConfig


class MappingsConfig(AppConfig):
    name = "mappings"

    def ready(self) -> None:
        from mappings import personal_data, receivers  # noqa: F401, PLC0415
