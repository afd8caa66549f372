//! What all resource services share, so that the crate of a service contains only its domain.
//!
//! | Question | Answered in |
//! | --- | --- |
//! | What is a service? | [`ServiceSpec`] (`spec.rs`, `router.rs`) |
//! | Which routes are there, and for whom? | [`route!`], [`Policy`] (`routes.rs`, `policy.rs`) |
//! | Who calls, and is it theirs? | [`Access`] (the guard's), [`Authenticated`], [`Caller`], [`Owned`], [`Mine`] (`extract.rs`, `caller.rs`) |
//! | How is something written, published and answered once? | [`Context::write`], [`Transaction`], [`Keyed`] (`context.rs`, `keyed.rs`) |
//! | What does an error look like? | [`Error`], [`Reason`], [`FieldError`] (`error.rs`, `field_errors.rs`) |
//! | Which amount does a body name? | [`MoneyDraft`] (`money_draft.rs`) |
//! | How is a list cut into pages? | [`page`] (`page.rs`) |
//! | What does the API document say? | [`ServiceSpec::document`] (`openapi.rs`) |
//! | What does it consume? | [`Consumer`], [`payload`] (`consumer.rs`) |
//! | What does it do beside requests and events? | [`Task`] (`task.rs`) |
//! | Where are files that are too large for its database? | [`Files`] (`files.rs`) |
//! | How does it call another service for a user? | [`Calls`], [`Target`] (`calls.rs`) |

mod caller;
mod calls;
mod consumer;
mod context;
mod demo;
mod error;
mod extract;
mod field_errors;
mod files;
mod keyed;
mod money_draft;
mod objects;
mod openapi;
pub mod page;
mod policy;
mod router;
mod routes;
mod spec;
mod task;
mod whoami;

pub use caller::Caller;
pub use calls::{CallError, Calls, CallsConfig, SubjectToken, Target};
pub use consumer::{Consumer, parse, payload};
pub use context::{Context, Transaction};
pub use demo::demo_course_id;
pub use error::{Error, Reason};
pub use extract::{Authenticated, Held, Mine, Ownable, Owned};
pub use field_errors::{FieldErrors, has_control};
pub use files::{FileName, Files, FilesError};
pub use keyed::{Keyed, KeyedHead};
pub use latchkey_guard::Access;
pub use latchkey_http::idempotency::Answer;
pub use latchkey_http::{Code, FieldError, codes, is_uuid as is_id};
pub use money_draft::MoneyDraft;
pub use objects::{Members, Object};
pub use policy::Policy;
pub use routes::{LONGEST_BODY, RouteFacts, RouteRow};
pub use spec::{DemoUser, EdgePath, EdgeRoute, FillDemo, ServiceSpec};
pub use task::{Task, at_interval};
