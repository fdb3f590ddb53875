from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "customers"

    def ready(self) -> None:
        from customers import personal_data  # noqa: F401, PLC0415 - the models are there now
