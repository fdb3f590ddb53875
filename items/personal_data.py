"""This app stores nothing about customers."""

from common import personal
from items.models import Item

personal.declare_impersonal(Item)
