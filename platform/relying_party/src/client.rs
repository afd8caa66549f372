//! A client as plain configuration: its own words, and its registration at the issuer.

use latchkey_db::Migrations;
use latchkey_web::Origins;

use crate::store;

/// What one client asks for, and how it calls what is its own. All of it stands in the client's source.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Names its part of a session. What is sealed for one name opens under no other.
    pub name: &'static str,
    /// Names its tables' migrations in its database, for good.
    pub tables: &'static str,
    /// The cookie of a browser's session; `Origins::cookie` adds to its name.
    pub session_cookie: &'static str,
    /// The cookie that a browser is known by while somebody signs in with it.
    pub sign_in_cookie: &'static str,
    /// The scopes that a person is asked for.
    pub scopes: &'static [&'static str],
    /// The resource that it calls in a person's name. Its token comes with the sign-in, and shows that it still holds.
    pub audience: &'static str,
}

impl Client {
    /// What it is registered for, as `scope` of its client metadata (RFC 7591 §2).
    pub fn scope(&self) -> String {
        self.scopes.join(" ")
    }

    /// The tables that its database needs.
    pub fn migrations(&self) -> [Migrations; 1] {
        [store::migrations(self.tables)]
    }
}

/// Where and as whom a client signs people in.
#[derive(Clone, Debug)]
pub struct Registration {
    pub client: Client,
    /// The issuer.
    pub issuer: String,
    /// Where the client reaches it, if that is another address.
    pub internal: String,
    pub client_id: String,
    pub client_secret: String,
    /// Where browsers reach the client; the issuer sends them back to the first.
    pub origins: Origins,
}

/// Where every client has what the issuer and its own pages lead to.
pub mod path {
    /// Begins a sign-in.
    pub const SIGN_IN: &str = "/signin";
    /// The `redirect_uri`.
    pub const CALLBACK: &str = "/callback";
    /// Ends the sign-in; a form posts to it.
    pub const SIGN_OUT: &str = "/signout";
    /// The `backchannel_logout_uri`.
    pub const BACKCHANNEL_LOGOUT: &str = "/backchannel-logout";
}
