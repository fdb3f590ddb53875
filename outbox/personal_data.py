"""This app stores nothing about customers; what is delivered to them is in the apps above."""

from common import personal
from outbox.models import Channel

personal.declare_impersonal(Channel)
