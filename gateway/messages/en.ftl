### What the edge itself says to browsers, by the code of its problem documents.
### The message that the code calls `section.name` is `section-name` here.

## edge

edge-kicker = Error { $status }
edge-home = Go to the start page
edge-trace = If you ask for help, quote
edge-next_check = Check the address for typing errors.
edge-next_wait = Wait a moment, then load the page again.
edge-next_back = Go back and try again.
edge-invalid_target = The request must name exactly one host.
edge-invalid_path = The path is not in canonical form.
edge-not_found = Nothing was found at this path.
edge-method_not_allowed = This path does not accept this method.
edge-too_many_requests = Too many requests came from your address. Wait a moment, then try again.
edge-body_too_large = The body is larger than this path accepts.
edge-request_timeout = The body did not arrive in time.
edge-invalid_body = The body is incomplete.
edge-invalid_form = The form cannot be read.
edge-foreign_form = The form was not sent from a page of this site.
edge-upstream_unreachable = The service cannot be reached right now.
edge-upstream_failed = The service sent an invalid response.
edge-upstream_timeout = The service did not respond in time.
edge-internal = An internal error occurred.
edge-not_allowed = Your account has no access here.
edge-sign_in_required = Sign in first.
edge-session_unavailable = Your sign-in cannot be checked right now.
