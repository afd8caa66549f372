//! The class of a request's path. Whatever a client asks for, it is one of these.

use crate::labels::{Role, RouteClass};

/// What the first segment of a path means at the issuer; everything else is [`RouteClass::Other`].
const ISSUER: [(&str, RouteClass); 30] = [
    ("authorize", RouteClass::Authorize),
    ("continue", RouteClass::Authorize),
    ("consent", RouteClass::Authorize),
    ("token", RouteClass::Token),
    ("introspect", RouteClass::Introspect),
    ("revoke", RouteClass::Revoke),
    ("userinfo", RouteClass::Userinfo),
    ("jwks", RouteClass::Metadata),
    (".well-known", RouteClass::Metadata),
    ("revocations", RouteClass::Feed),
    ("login", RouteClass::SignIn),
    ("second", RouteClass::SignIn),
    ("confirm", RouteClass::SignIn),
    ("upstream", RouteClass::SignIn),
    ("passkey", RouteClass::SignIn),
    ("required", RouteClass::SignIn),
    ("logout", RouteClass::SignIn),
    ("signed-out", RouteClass::SignIn),
    ("register", RouteClass::Account),
    ("recover", RouteClass::Account),
    ("account", RouteClass::Account),
    ("pictures", RouteClass::Account),
    ("theme", RouteClass::Page),
    ("language", RouteClass::Page),
    ("brand", RouteClass::Page),
    ("static", RouteClass::Page),
    ("", RouteClass::Page),
    ("csp-report", RouteClass::Page),
    ("outbox", RouteClass::Page),
    ("metrics", RouteClass::Probe),
];

impl RouteClass {
    /// [`Self::at`] a role that lies below a path of its host, as an issuer may. What is beside it is as it is.
    pub fn below(mount: &str, role: Role, path: &str) -> Self {
        let within = path.strip_prefix(mount);
        let within = within.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        Self::at(role, within.unwrap_or(path))
    }

    /// The class of a path at a role, by its first segment.
    pub fn at(role: Role, path: &str) -> Self {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if matches!(first, "healthz" | "readyz") {
            return Self::Probe;
        }
        match role {
            Role::Identity => ISSUER
                .iter()
                .find(|(segment, _)| *segment == first)
                .map_or(Self::Other, |(_, class)| *class),
            Role::Storefront => Self::Page,
            Role::Gateway if first == "api" => Self::Api,
            Role::Gateway => Self::Page,
            Role::Admin => Self::Probe,
            _service => Self::Api,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_class_of_its_first_segment() {
        for (role, path, class) in [
            (Role::Identity, "/token", RouteClass::Token),
            (Role::Identity, "/token/", RouteClass::Token),
            (Role::Identity, "/account/sessions/abc", RouteClass::Account),
            (Role::Identity, "/", RouteClass::Page),
            (Role::Identity, "/readyz", RouteClass::Probe),
            (Role::Identity, "/tokens", RouteClass::Other),
            (Role::Identity, "/TOKEN", RouteClass::Other),
            (Role::Identity, "/%74oken", RouteClass::Other),
            (Role::Gateway, "/api/catalog/courses", RouteClass::Api),
            (Role::Gateway, "/courses", RouteClass::Page),
            (Role::Storefront, "/token", RouteClass::Page),
            (Role::Catalog, "/courses/0193", RouteClass::Api),
            (Role::Other, "/anything", RouteClass::Api),
        ] {
            assert_eq!(RouteClass::at(role, path), class, "{role:?} {path}");
        }
    }

    #[test]
    fn an_issuer_below_a_path_has_the_classes_of_any_other() {
        for (path, class) in [
            ("/tenants/auth/token", RouteClass::Token),
            ("/tenants/auth/account/sessions", RouteClass::Account),
            ("/tenants/auth", RouteClass::Page),
            ("/tenants/auth/", RouteClass::Page),
            ("/tenants/authx/token", RouteClass::Other),
            ("/tenants/auth/tenants/auth/token", RouteClass::Other),
            (
                "/.well-known/oauth-authorization-server/tenants/auth",
                RouteClass::Metadata,
            ),
            ("/readyz", RouteClass::Probe),
        ] {
            assert_eq!(
                RouteClass::below("/tenants/auth", Role::Identity, path),
                class,
                "{path}"
            );
        }
        assert_eq!(RouteClass::below("", Role::Identity, "/token"), RouteClass::Token);
    }
}
