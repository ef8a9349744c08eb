"""OpenAPI: the standard description, plus the problem+json answers that every operation can give."""

from typing import Any, ClassVar

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


class FieldErrorSerializer(serializers.Serializer):
    field = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """RFC 9457 problem details, with what is wrong field by field (``errors``) and who can ``help``."""

    type = serializers.CharField(required=False)
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(required=False)
    help = serializers.CharField(required=False)
    field = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False)
    errors = FieldErrorSerializer(many=True, required=False)


WORDS = {
    "400": "The request could not be read",
    "401": "No valid token or session",
    "403": "You may see this but not do it, or the token lacks the scope",
    "404": "Not there, or you may not see it",
    "405": "Method not allowed",
    "406": "Not acceptable",
    "409": "The state does not allow it",
    "412": "Changed since you read it",
    "415": "Unsupported media type",
    "422": "Not valid, field by field",
    "428": "If-Match is missing",
    "429": "Too many requests",
}


class ProblemAutoSchema(AutoSchema):
    """Adds the error answers to each operation; a view may name others in ``problem_statuses``."""

    def _statuses(self) -> list[str]:
        statuses = ["401", "403", "404", "405", "406", "429"]
        if self.method in {"POST", "PUT", "PATCH", "DELETE"}:
            statuses += ["400", "409", "412", "415", "422", "428"]
        else:
            statuses += ["422"]
        return statuses

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer, direction).ref
        for code in self._statuses():
            bodies.setdefault(
                code, {"description": WORDS[code], "content": {"application/problem+json": {"schema": problem}}}
            )
        return bodies


class OnceGenerator(SchemaGenerator):
    """The description changes with the code only, and anybody may ask for it: made once a process."""

    _made: ClassVar[dict[str, Any] | None] = None

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        if OnceGenerator._made is None:
            OnceGenerator._made = super().get_schema(request=None, public=True)
        return OnceGenerator._made
