"""Django: `@guarded(guard, scope="notes.write")` above a view, which finds the claims in `request.access`."""

from functools import wraps

from django.http import JsonResponse

from .errors import Refused, Unavailable


def guarded(guard, *, scope=None, sensitive=False, optional=False):
    def decorate(view):
        @wraps(view)
        def judged(request, *args, **kwargs):
            # A second header of this name is joined by a comma, which no bearer token has.
            authorization = request.META.get("HTTP_AUTHORIZATION")
            try:
                request.access = guard.admit(
                    [] if authorization is None else [authorization], request.META.get("QUERY_STRING", ""),
                    scope=scope, sensitive=sensitive, optional=optional,
                )
            except (Refused, Unavailable) as error:
                told = {"error": error.error, "error_description": error.description}
                return JsonResponse(told, status=error.status, headers=error.headers)
            return view(request, *args, **kwargs)

        return judged

    return decorate
