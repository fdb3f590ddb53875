"""`/swagger.json`: Swagger 2.0, by drf-yasg."""

from copy import copy
from typing import Any

from drf_yasg import openapi
from drf_yasg.generators import OpenAPISchemaGenerator
from drf_yasg.inspectors import SwaggerAutoSchema

from common.documents.description import Answer, Description, describe
from common.documents.headers import Header
from common.documents.parameters import Parameter
from common.errors import PROBLEM_JSON

FORM_WITH_FILE = "multipart/form-data"
SECURITY = ("API key", "Bearer")
# What a Schema object of a parameter or a header may say in Swagger 2.0, in yasg's spelling.
KEYWORDS = {"maxLength": "max_length", "minLength": "min_length", "minItems": "min_items"}


class SwaggerSchema(SwaggerAutoSchema):
    """One operation, as `describe` says it."""

    def get_operation(self, operation_keys: Any = None) -> openapi.Operation:
        about = describe(self.view, self.method, self.path)
        body = self.body_parameters(about) if about.request else []
        return openapi.Operation(
            operation_id=about.id,
            summary=about.summary,
            description=about.text,
            tags=[about.tag],
            parameters=[*body, *map(parameter, about.parameters)],
            responses=openapi.Responses(
                {str(status): self.answer(answer) for status, answer in about.answers.items()}
            ),
            consumes=about.media_types if about.request else [],
            produces=[*{answer.media_type: "" for answer in about.answers.values()}, PROBLEM_JSON],
            # The scopes of an apiKey cannot be named in Swagger 2.0 itself.
            security=[{name: []} for name in SECURITY],
            deprecated=about.deprecated or None,
            **{"x-required-scope": about.scope},
        )

    def body_parameters(self, about: Description) -> list[openapi.Parameter]:
        """The request body; the members of a form with a file stand beside each other."""
        if about.media_types != [FORM_WITH_FILE]:
            return [self.body(about)]
        assert about.request  # noqa: S101 - for the type checker
        found: list[openapi.Parameter] = self.serializer_to_parameters(
            about.request(), in_=openapi.IN_FORM
        )
        return found

    def body(self, about: Description) -> openapi.Parameter:
        """The request body. Its first example becomes that of the definition."""
        assert about.request  # noqa: S101 - for the type checker
        schema = self.serializer_to_schema(about.request())
        definition = openapi.resolve_ref(schema, self.components)
        if about.examples:
            definition.setdefault("example", next(iter(about.examples.values())))
        if about.partial and "required" in definition:
            schema = self.without_required(schema, definition)
        if about.most:
            schema = openapi.Schema(type=openapi.TYPE_ARRAY, items=schema, max_items=about.most)
        return openapi.Parameter("data", openapi.IN_BODY, required=True, schema=schema)

    def without_required(self, reference: Any, definition: openapi.Schema) -> openapi.SchemaRef:
        """A definition of its own for a change: no member has to be there."""
        name = "Patched" + reference["$ref"].rpartition("/")[2]
        definitions = self.components.with_scope(openapi.SCHEMA_DEFINITIONS)
        some = copy(definition)
        del some["required"]
        definitions.setdefault(name, lambda: some)
        return openapi.SchemaRef(definitions, name)

    def answer(self, answer: Answer) -> openapi.Response:
        media_type = PROBLEM_JSON if answer.problem else "application/json"
        return openapi.Response(
            answer.description,
            schema=self.answer_schema(answer),
            examples={media_type: answer.example} if answer.example else None,
            headers={name: header(each) for name, each in answer.headers.items()},
        )

    def answer_schema(self, answer: Answer) -> Any:
        if answer.media_type != "application/json":
            return openapi.Schema(type=openapi.TYPE_FILE)
        if answer.serializer is None:
            return None
        schema = self.serializer_to_schema(answer.serializer())
        if answer.many:
            return openapi.Schema(type=openapi.TYPE_ARRAY, items=schema)
        return schema


def parameter(each: Parameter) -> openapi.Parameter:
    """A parameter, whose schema Swagger 2.0 writes beside its name."""
    schema = {KEYWORDS.get(name, name): value for name, value in each["schema"].items()}
    if schema["type"] == "array":
        schema["collection_format"] = "csv"
    return openapi.Parameter(
        each["name"],
        each["in"],
        description=each["description"],
        required=each["required"],
        **schema,
    )


def header(each: Header) -> dict[str, Any]:
    """A header field, in the same way; none can be required in Swagger 2.0."""
    return {"description": each["description"], **each["schema"]}


class SwaggerGenerator(OpenAPISchemaGenerator):
    """Makes the document once per process: it takes a third of a second."""

    made: openapi.Swagger | None = None

    def get_schema(self, request: Any = None, public: bool = False) -> openapi.Swagger:
        cls = type(self)
        if not self._gen.patterns:
            # The page around the document, which asks for no more than the title.
            return super().get_schema(request, public)
        if cls.made is None:
            cls.made = super().get_schema(request, public)
            # Whatever address it is asked for under is the API's, too.
            for name in ("host", "schemes"):
                cls.made.pop(name, None)
        return cls.made
