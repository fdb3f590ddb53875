"""An operation described in full, from its viewset: what both documents are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import cleandoc
from typing import Any

from rest_framework.permissions import SAFE_METHODS

from common.documents import headers, parameters, problems
from common.documents.operations import NOTHING_DECLARED, WITH_BODY, Operation, Serializer
from common.documents.parameters import Parameter
from common.reach import only_reads, verb_of

SUMMARIES = {
    "list": "List {many}",
    "create": "Make {one}",
    "retrieve": "Read {one}",
    "update": "Change {one}",
    "partial_update": "Change {one}",
    "destroy": "Delete {one}",
}
DESCRIPTIONS = {
    "list": "Newest first, in pages: follow the Link header.",
    "update": "Changes the members that are given and leaves the others.",
    "partial_update": "Changes the members that are given and leaves the others.",
}
CHANGES = {"update", "partial_update"}
EVERYWHERE = (400, 401, 403, 406, 414, 415, 429, 431, 500, 503)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes with one status: a serializer's members (`many`: an array of them), or nothing."""

    description: str
    serializer: Serializer | None
    headers: dict[str, headers.Header]
    many: bool = False
    gaps: bool = False
    media_type: str = "application/json"
    # With `?fields=` some of the members are left out.
    narrowed: bool = False
    # The members that everybody sees, if others are left out for those who may not read the row.
    visible: frozenset[str] | None = None
    problem: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Description:
    """All that a document says about an operation."""

    id: str
    tag: str
    summary: str
    text: str
    scope: str
    parameters: list[Parameter]
    request: Serializer | None
    # A change: no member has to be there.
    partial: bool
    # The most elements of a body that is an array; None: it is an object.
    most: int | None
    media_types: list[str]
    examples: dict[str, Any]
    answers: dict[int, Answer]
    links: dict[str, Mapping[str, str]]
    deprecated: bool


def describe(view: Any, method: str, path: str) -> Description:
    """The description of the operation that `view.action` is. `path` has `{id}` in it."""
    return _Describer(view, method, path).description()


class _Describer:
    def __init__(self, view: Any, method: str, path: str) -> None:
        self.view, self.method, self.path = view, method, path
        self.action: str = view.action
        self.declared: Operation = view.operations.get(self.action, NOTHING_DECLARED)
        self.safe = method in SAFE_METHODS
        self.only_reads = self.safe or only_reads(view.required_permission or "")
        # A POST that only asks can be repeated anyway.
        self.takes_key = method == "POST" and not self.only_reads
        self.detail = bool(view.detail)
        self.model = view.queryset.model._meta
        # What reads rows answers with many of them, unless it is about one.
        self.many = self.safe and not self.detail

    def description(self) -> Description:
        operation = self.declared
        return Description(
            id=operation_id(self.view, self.action),
            tag=self.view.resource,
            summary=operation.summary or self.summary(),
            text=f"{self.text()}\n\n{self.rights()}".strip(),
            scope=self.scope(),
            parameters=self.parameters(),
            request=self.request(),
            partial=self.action in CHANGES,
            most=operation.most,
            media_types=[parser.media_type for parser in self.view.parser_classes],
            examples=dict(operation.examples),
            answers=self.answers(),
            links=dict(operation.links) | self.own_links(),
            deprecated=operation.deprecated is not None,
        )

    def summary(self) -> str:
        name = str(self.model.verbose_name)
        article = "an" if name[0] in "aeiou" else "a"
        many = (self.view.document_name or self.view.resource).replace("-", " ")
        if self.action in SUMMARIES:
            return SUMMARIES[self.action].format(many=many, one=f"{article} {name}")
        return (
            (getattr(self.view, self.action).__doc__ or "").strip().partition("\n")[0].rstrip(".")
        )

    def text(self) -> str:
        own = self.declared.description or DESCRIPTIONS.get(self.action, "")
        return cleandoc(own or (type(self.view).__doc__ or ""))

    def rights(self) -> str:
        needed = f"Needs the scope `{self.scope()}`."
        if self.only_reads or self.visible() is None:
            return needed
        return (
            f"{needed} Without `{self.view.resource}:read` the answer shows nothing that was "
            "stored before, except what names the row."
        )

    def scope(self) -> str:
        by_method = "view" if self.safe else "change"
        return f"{self.view.resource}:{verb_of(self.view.required_permission or by_method)}"

    def request(self) -> Serializer | None:
        if self.declared.request:
            return self.declared.request
        return self.view.serializer_class if self.action in WITH_BODY else None

    def response(self) -> Serializer | None:
        if self.method == "DELETE" or self.declared.download:
            return None
        return self.declared.response or self.view.serializer_class

    def visible(self) -> frozenset[str] | None:
        """The members that are always shown, where others may be left out (`for_caller`)."""
        response = self.response()
        withheld = not self.only_reads or self.view.shown_resource
        if response is None or self.declared.response or not withheld:
            return None
        always = {"id", "uuid", *self.view.path_members.values()}
        return frozenset(always.intersection(members(response)))

    def parameters(self) -> list[Parameter]:
        found = parameters.path_parameters(self.path, self.view.path_schemas)
        if self.many:
            found += self.list_parameters()
        if self.safe and (response := self.response()):
            found.append(parameters.fields_parameter(members(response)))
        if self.takes_key:
            found.append(parameters.IDEMPOTENT)
        if self.detail and not self.safe:
            found.append(parameters.IF_MATCH)
        elif self.detail and self.tagged():
            found.append(parameters.IF_NONE_MATCH)
        return [*found, parameters.ANY_REQUEST]

    def tagged(self) -> bool:
        """Whether the answer is one row, with its ETag."""
        if self.many or self.declared.many or self.declared.download:
            return False
        response = self.response()
        return response is not None and "updated_at" in members(response)

    def list_parameters(self) -> list[Parameter]:
        view = self.view
        filterset = getattr(view, "filterset_class", None)
        filters = filterset.base_filters if filterset else {}
        return [
            *view.paginator.get_schema_operation_parameters(view),
            *(
                parameters.filter_parameter(name, each, required=name in self.declared.required)
                for name, each in filters.items()
            ),
        ]

    def answers(self) -> dict[int, Answer]:
        successes = {status: self.success(status) for status in self.statuses()}
        if self.safe and self.detail and self.tagged():
            unchanged = headers.REQUEST_ID | headers.RATE | headers.ETAG
            successes[304] = Answer("You have this version.", None, unchanged)
        errors = {status: self.error(status) for status in self.errors()}
        answers = successes | errors
        if farewell := self.declared.farewell():
            said = {name: headers.FAREWELL[name] for name in farewell}
            answers = {
                status: replace(each, headers=each.headers | said)
                for status, each in answers.items()
            }
        return answers

    def statuses(self) -> tuple[int, ...]:
        standard = {"create": (201,), "destroy": (204,)}
        return self.declared.statuses or standard.get(self.action, (200,))

    def success(self, status: int) -> Answer:
        found = headers.REQUEST_ID | headers.RATE
        response = self.response()
        if self.many:
            found = found | headers.PAGE
        elif self.tagged():
            found = found | headers.ETAG
        if self.takes_key:
            found = found | headers.REPLAYED
        sample = None if self.declared.download else self.declared.sample or self.view.sample
        return Answer(
            SUCCESSES[status],
            response,
            found,
            many=self.many or self.declared.many,
            gaps=self.declared.gaps,
            media_type=self.declared.download or "application/json",
            narrowed=self.safe,
            visible=self.visible(),
            example=[sample] if sample and (self.many or self.declared.many) else sample,
        )

    def error(self, status: int) -> Answer:
        return Answer(
            self.declared.errors.get(status) or problems.MEANINGS[status],
            problems.ProblemSerializer,
            headers.of_error(status),
            problem=True,
            example=problems.example(status),
        )

    def errors(self) -> list[int]:
        found = {*EVERYWHERE, *self.declared.errors}
        if self.detail or "{" in self.path:
            found.add(404)
        if not self.safe:
            found |= {409, 413}
            if self.detail:
                found |= {412, 428}
        if self.method == "POST":
            found.add(422)
        return sorted(found)

    def own_links(self) -> dict[str, Mapping[str, str]]:
        """What can be done with a row that was just made; where none can be, with a listed one."""
        found = self.view.path_members
        if self.action == "list" and not hasattr(self.view, "create"):
            first = {name: f"0/{member}" for name, member in found.items()}
            return {operation_id(self.view, "retrieve"): first}
        if self.action != "create" or not found:
            return {}
        details = [
            *("retrieve", "update", "partial_update", "destroy"),
            *(each.__name__ for each in self.view.get_extra_actions() if each.detail),
        ]
        return {
            operation_id(self.view, action): found
            for action in details
            if hasattr(self.view, action)
        }


SUCCESSES = {
    200: "As it is now.",
    201: "Made.",
    202: "Taken; it is being done.",
    204: "Gone.",
}


def operation_id(view: Any, action: str) -> str:
    """`orders_list`, `orders_create`, `orders_cancel`: what a generated client calls it."""
    name = view.document_name or view.resource
    return f"{name.replace('-', '_')}_{action}"


def members(serializer: Serializer) -> list[str]:
    """The names of what a serializer shows."""
    return list(serializer().get_fields())
