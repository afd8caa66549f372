//! The codes of problem documents that all services share: each has one status and one sentence, defined only here.

use http::StatusCode;

/// An error that a program can act on: the status, a stable name and a human-readable sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The status of the response.
    pub status: StatusCode,
    /// The `code` member of the problem document.
    pub name: &'static str,
    /// The default `detail` member.
    pub detail: &'static str,
}

impl Code {
    /// A code with its status and sentence.
    pub const fn new(status: StatusCode, name: &'static str, detail: &'static str) -> Self {
        Self { status, name, detail }
    }
}

macro_rules! codes {
    ($($(#[$meta:meta])* $constant:ident = $status:ident $name:literal $detail:literal;)+) => {
        $(
            $(#[$meta])*
            pub const $constant: Code = Code::new(StatusCode::$status, $name, $detail);
        )+

        /// Every code in this file, for the API documents.
        pub const ALL: &[Code] = &[$($constant),+];
    };
}

codes! {
    /// The listener rejected the format of the request.
    INVALID_REQUEST = BAD_REQUEST "invalid_request" "The request is malformed.";
    INVALID_QUERY = BAD_REQUEST "invalid_query" "The query parameters are not valid for this route.";
    INVALID_LIMIT = BAD_REQUEST "invalid_limit" "The limit must be between 1 and 100.";
    INVALID_CURSOR = BAD_REQUEST "invalid_cursor" "The cursor is not valid for this list.";
    IDEMPOTENCY_KEY_REQUIRED = BAD_REQUEST "idempotency_key_required" "Send an Idempotency-Key header with a UUID, and send the same key when you retry this request.";
    PERSON_REQUIRED = FORBIDDEN "person_required" "This operation requires a user; a client acting on its own behalf cannot perform it.";
    MACHINE_REQUIRED = FORBIDDEN "machine_required" "This operation is for a client that acts on its own behalf, without a user.";
    ROLE_REQUIRED = FORBIDDEN "role_required" "The user lacks the role that this operation requires.";
    NOT_FOUND = NOT_FOUND "not_found" "Nothing was found at this address.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED "method_not_allowed" "This path does not accept the method. The Allow header lists those that it accepts.";
    /// The caller has read an older version (`If-Match`).
    STALE = PRECONDITION_FAILED "stale" "The resource has changed since it was read. Read it again, then repeat the change.";
    BODY_TOO_LARGE = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large or incomplete.";
    MEDIA_TYPE = UNSUPPORTED_MEDIA_TYPE "media_type" "The body must be application/json.";
    INVALID_BODY = UNPROCESSABLE_ENTITY "invalid_body" "The body does not match the schema of this route.";
    INVALID_CONTENT = UNPROCESSABLE_ENTITY "invalid_content" "Some fields are not valid.";
    OUT_OF_RANGE = UNPROCESSABLE_ENTITY "out_of_range" "A number is out of range.";
    IDEMPOTENCY_KEY_REUSED = UNPROCESSABLE_ENTITY "idempotency_key_reused" "This Idempotency-Key was already used for another request. Use a new one.";
    PRECONDITION_REQUIRED = PRECONDITION_REQUIRED "precondition_required" "Send an If-Match header with the ETag of the version that you have read.";
    INTERNAL = INTERNAL_SERVER_ERROR "internal" "An internal error occurred. The log has the cause under the trace id of this response.";
    UNAVAILABLE = SERVICE_UNAVAILABLE "unavailable" "The service is temporarily unavailable. Try again soon.";
}
