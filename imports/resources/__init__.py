"""The kinds of rows that can be imported, by the name of their resource."""

from imports.resources.base import Resource
from imports.resources.customers import Customers
from imports.resources.items import Items
from imports.resources.mappings import Mappings
from imports.resources.orders import Orders

RESOURCES: dict[str, Resource] = {
    each.name: each for each in (Customers(), Mappings(), Items(), Orders())
}
