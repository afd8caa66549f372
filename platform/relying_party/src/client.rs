//! A client as plain configuration: its names, and its registration at the issuer.

use latchkey_db::Migrations;
use latchkey_web::Origins;

use crate::asked::Asked;
use crate::store;

/// What a client requests, and the names of its cookies and tables. Defined in the source of the client.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The name of its part of a session. Text sealed for one name cannot be opened under another.
    pub name: &'static str,
    /// What stands before its [`path`]s, such as `/.latchkey` where other paths belong to somebody else; usually empty.
    pub base: &'static str,
    /// The name of its tables' migrations in its database, which must never change.
    pub tables: &'static str,
    /// The name of the session cookie, which `Origins::cookie` extends.
    pub session_cookie: &'static str,
    /// The name of the cookie that identifies a browser during sign-ins.
    pub sign_in_cookie: &'static str,
    /// The scopes that users are asked for.
    pub scopes: &'static [&'static str],
    /// The scopes that it has for itself, in tokens of no user. They are registered, but users are not asked for them.
    pub own_scopes: &'static [&'static str],
    /// The resource that it calls on behalf of users. Its token comes with the sign-in, and shows that the sign-in
    /// still holds.
    pub audience: &'static str,
}

impl Client {
    /// The registered scope, as `scope` of its client metadata (RFC 7591 §2).
    pub fn scope(&self) -> String {
        let all: Vec<&str> = self.scopes.iter().chain(self.own_scopes).copied().collect();
        all.join(" ")
    }

    /// The tables that it needs in its database.
    pub fn migrations(&self) -> [Migrations; 1] {
        [store::migrations(self.tables)]
    }
}

/// The issuer and the client's registration there.
#[derive(Clone, Debug)]
pub struct Registration {
    pub client: Client,
    /// The issuer.
    pub issuer: String,
    /// The address at which the client reaches the issuer, if it differs.
    pub internal: String,
    pub client_id: String,
    pub client_secret: String,
    /// Every resource that it calls on behalf of users and is registered for; `client.audience` is one of them.
    pub resources: Vec<String>,
    /// The origins of the client; the issuer redirects to the first one.
    pub origins: Origins,
}

impl Registration {
    /// What a sign-in of today asks for.
    pub fn asked(&self) -> Asked {
        Asked {
            resources: self.resources.join(" "),
            scope: self.client.scopes.join(" "),
        }
    }
}

/// The paths that every client serves.
pub mod path {
    /// Starts a sign-in.
    pub const SIGN_IN: &str = "/signin";
    /// The `redirect_uri`.
    pub const CALLBACK: &str = "/callback";
    /// Ends the sign-in; the target of a form.
    pub const SIGN_OUT: &str = "/signout";
    /// The `backchannel_logout_uri`.
    pub const BACKCHANNEL_LOGOUT: &str = "/backchannel-logout";
}
