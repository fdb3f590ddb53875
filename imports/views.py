from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.permissions import MayAccess
from common.documents.operations import Operation
from common.errors import Problem
from common.parsers import MultiPartParser
from common.rendering import JSONRenderer
from common.uploads import take_file
from common.viewsets import BaseViewSet, ListModelMixin
from imports import examples
from imports.filters import ImportFilter
from imports.models import Import
from imports.report import report_of
from imports.serializers import ImportSerializer

CSV = "text/csv"


class UploadCheck(APIView):
    """Whether the caller may hand in a file: 204, or else 401 or 403.

    A proxy asks this before it takes in the body of an upload (`auth_request` of nginx).
    """

    permission_classes = (MayAccess,)
    resource = "imports"
    queryset = Import.objects.all()
    required_permission = "add"
    shown_resource: str | None = None
    owner: str | None = None

    def get(self, request: Request) -> Response:
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReportRenderer(JSONRenderer):
    """Lets `Accept: text/csv` through. The report itself is streamed; a problem is JSON."""

    media_type = CSV
    format = "csv"


class ImportViewSet(mixins.CreateModelMixin, ListModelMixin, BaseViewSet):
    """Imports: files of customers, mappings, items or orders, worked off in the background."""

    resource = "imports"
    queryset = Import.objects.all()
    serializer_class = ImportSerializer
    filterset_class = ImportFilter
    parser_classes = (MultiPartParser,)
    sample = examples.IMPORT
    operations = {
        "create": Operation(
            summary="Import a file",
            description="Needs the right to write the rows as well. CSV needs a header; commas, "
            "semicolons and tabs are told apart by it. A row that is known already (by its code, "
            "say) is changed. Ask the import itself how far it is.",
            statuses=(202,),
        ),
        "report": Operation(download=CSV),
    }

    def reached(self, owner: str | None) -> dict[str, Any] | None:
        """A machine sees its own; people whatever their permissions reach."""
        reached = super().reached(owner)
        principal = self.request.auth
        if reached is None or principal.user:
            return reached
        return {**reached, "principal": str(principal)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Before anything of the file is read; without a length a body is taken for empty.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_UPLOAD_BYTES:
            raise Problem("The file is too large.", status=413, code="too_large")
        if request.method == "POST":
            take_file(request)

    def check_throttles(self, request: Request) -> None:
        # To look how far it is, is a read like any other.
        self.rate_policy = "bulk" if request.method == "POST" else None
        super().check_throttles(request)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Takes a file; the worker does the rest."""
        taken = super().create(request, *args, **kwargs)
        taken.status_code = status.HTTP_202_ACCEPTED
        return taken

    @action(detail=True, renderer_classes=[ReportRenderer])
    def report(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The rows that were refused, and why."""
        one: Import = self.get_object()
        name = f'attachment; filename="import-{one.pk}.csv"'
        return StreamingHttpResponse(
            report_of(one), content_type=CSV, headers={"Content-Disposition": name}
        )
