"""`/openapi.json`: OpenAPI 3.1, by drf-spectacular."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, append_meta
from rest_framework.serializers import ListSerializer, Serializer

from common.documents.description import Answer, Description, describe
from common.errors import PROBLEM_JSON
from common.serializers import MoneyField, StrictSerializer

Schema = dict[str, Any]
# How a credential is sent, by the name that operations know it by.
SECURITY = ("ApiKey", "Bearer", "OAuth2")
# A schema of its own for each: a generated client knows the media type by the body's class.
FORMS = {"application/x-www-form-urlencoded": "Form", "multipart/form-data": "Multipart"}


class OpenApiSchema(AutoSchema):
    """One operation, as `describe` says it."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Schema:
        self.registry = registry
        self.path, self.path_regex, self.path_prefix = path, path_regex, path_prefix
        self.method = method.upper()
        about = describe(self.view, self.method, path)
        operation: Schema = {
            "operationId": about.id,
            "summary": about.summary,
            "description": about.text,
            "tags": [about.tag],
            "parameters": about.parameters,
            "responses": {
                str(status): self.answer(answer, about, status)
                for status, answer in about.answers.items()
            },
            "security": [{name: [about.scope]} for name in SECURITY],
        }
        if about.request:
            operation["requestBody"] = self.body(about)
        if about.deprecated:
            operation["deprecated"] = True
        return operation

    def body(self, about: Description) -> Schema:
        """The request body: the same members in each media type."""
        assert about.request  # noqa: S101 - for the type checker
        schema = self.reference(about.request(partial=about.partial), "request")
        if about.most:
            schema = {"type": "array", "items": schema, "maxItems": about.most}
        examples = {
            re.sub(r"\W+", "-", name): {"summary": name, "value": value}
            for name, value in about.examples.items()
        }
        shown = {"examples": examples} if examples else {}
        content = {
            each: {"schema": self.form(about, FORMS[each]) if each in FORMS else schema} | shown
            for each in about.media_types
        }
        return {"content": content, "required": not about.partial}

    def form(self, about: Description, suffix: str) -> Schema:
        """The same members in a form, where an empty one that may be left out counts as that."""
        assert about.request  # noqa: S101 - for the type checker
        whole = self.resolve_serializer(about.request(partial=about.partial), "request")
        required = set(whole.schema.get("required", ()))
        members = {
            name: member if name in required else without(member, "minLength")
            for name, member in whole.schema["properties"].items()
        }
        name = re.sub("Request$", suffix, whole.name)
        component = ResolvedComponent(
            name=name,
            type=ResolvedComponent.SCHEMA,
            object=name,
            schema=whole.schema | {"properties": members},
        )
        self.registry.register_on_missing(component)
        return dict(component.ref)

    def answer(self, answer: Answer, about: Description, status: int) -> Schema:
        """One response, with its header fields and links."""
        found: Schema = {"description": answer.description, "headers": answer.headers}
        if answer.serializer:
            media_type = PROBLEM_JSON if answer.problem else "application/json"
            content: Schema = {"schema": self.answer_schema(answer)}
            if answer.example:
                content["example"] = answer.example
            found["content"] = {media_type: content}
        elif answer.media_type != "application/json":
            found["content"] = {answer.media_type: {"schema": {"type": "string"}}}
        # A 200 of a POST is a row as well: the one that was there already.
        if about.links and status in {200, 201}:
            found["links"] = {
                operation: {
                    "operationId": operation,
                    "parameters": {
                        name: f"$response.body#/{member}" for name, member in parameters.items()
                    },
                }
                for operation, parameters in about.links.items()
            }
        return found

    def answer_schema(self, answer: Answer) -> Schema:
        assert answer.serializer  # noqa: S101 - for the type checker
        serializer = answer.serializer()
        if answer.visible is None:
            schema = self.reference(serializer, "response")
        else:
            schema = self.visible_members(serializer, answer.visible)
        if answer.narrowed:
            schema = {"anyOf": [schema, self.some_members(serializer)]}
        if answer.gaps:
            schema = {"oneOf": [schema, {"type": "null"}]}
        return {"type": "array", "items": schema} if answer.many else schema

    def reference(self, serializer: Serializer[Any], direction: Any) -> Schema:
        reference: Schema = self.resolve_serializer(serializer, direction).ref
        return reference

    def some_members(self, serializer: Serializer[Any]) -> Schema:
        """A representation with `?fields=`: the same members, none of which has to be there."""
        return self.variant(serializer, "Fields", required=(), about="What `fields` names of")

    def visible_members(self, serializer: Serializer[Any], always: Collection[str]) -> Schema:
        """A representation for those who may not read the row: only `always` has to be there."""
        about = "What the caller may see of"
        return self.variant(serializer, "Visible", required=sorted(always), about=about)

    def variant(
        self, serializer: Serializer[Any], suffix: str, *, required: Sequence[str], about: str
    ) -> Schema:
        """A representation of which no more than `required` has to be there."""
        whole = self.resolve_serializer(serializer, "response")
        some = {name: value for name, value in whole.schema.items() if name != "required"}
        some["description"] = f"{about}: {some['description']}"
        if required:
            some["required"] = list(required)
        name = f"{whole.name}{suffix}"
        component = ResolvedComponent(
            name=name, type=ResolvedComponent.SCHEMA, object=name, schema=some
        )
        self.registry.register_on_missing(component)
        reference: Schema = component.ref
        return reference

    # How a serializer becomes a schema.

    def _get_serializer_name(self, *args: Any, **kwargs: Any) -> str:
        # A serializer for requests alone says so in its own name already.
        name: str = super()._get_serializer_name(*args, **kwargs)
        return re.sub("RequestRequest$", "Request", name)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Schema:
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response":
            # Nothing is ever left out.
            schema["required"] = sorted(schema["properties"])
        elif isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

    def _map_serializer_field(self, field: Any, direction: Any, *args: Any) -> Any:
        if isinstance(field, MoneyField):
            meta = self._get_serializer_field_meta(field, direction)
            return append_meta(money(field, direction), meta)
        schema = super()._map_serializer_field(field, direction, *args)
        # For the hook that would name enums.
        schema.pop("x-spec-enum-id", None)
        if isinstance(field, ListSerializer) and direction == "request":
            return schema | sizes(field)
        return nullable_enum(schema) if None in schema.get("enum", ()) else schema

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        if not isinstance(field, MoneyField):
            super()._insert_field_validators(field, schema)


def without(schema: Schema, name: str) -> Schema:
    return {key: value for key, value in schema.items() if key != name}


def nullable_enum(schema: Schema) -> Schema:
    """Null apart from the values: an enumeration with null in it has no type elsewhere."""
    values = [value for value in schema["enum"] if value is not None]
    others = {name: value for name, value in schema.items() if name not in {"enum", "type"}}
    return others | {"oneOf": [{"type": "string", "enum": values}, {"type": "null"}]}


def sizes(field: ListSerializer[Any]) -> Schema:
    """How many elements an array may have."""
    most = {"maxItems": field.max_length} if field.max_length else {}  # type: ignore[attr-defined]
    return most if field.allow_empty else {"minItems": 1} | most


def money(field: MoneyField, direction: str) -> Schema:
    """A number or a string on the way in, a string with two decimals on the way out."""
    digits = field.max_digits - field.decimal_places  # type: ignore[operator]
    if direction == "response":
        return {"type": "string", "format": "decimal", "pattern": r"^[0-9]+\.[0-9]{2}$"}
    return {
        "type": ["string", "number"],
        "format": "decimal",
        "pattern": rf"^[0-9]{{1,{digits}}}(\.[0-9]{{1,2}})?$",
        "minimum": 0,
        "exclusiveMaximum": 10**digits,
    }
