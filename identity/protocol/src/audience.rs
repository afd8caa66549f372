//! The audience of a token and its scopes there (RFC 8707; docs/tokens.md, Audience).

mod granted;
mod person;

pub use granted::{Granted, Written};
pub(crate) use person::may;
pub use person::{Audience, GrantContext, UserTarget, asked, for_person, narrow};

use crate::client::Client;
use crate::error::OAuthError;
use crate::resource::Resource;
use crate::scope::Scope;

/// The audience of a token and what it grants there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The resource's identifier.
    pub audience: String,
    /// The scope granted at this resource.
    pub scope: Scope,
    /// True if the resource requests the `roles` claim.
    pub wants_roles: bool,
}

/// Decides the target of a client_credentials request.
///
/// The resource is settled before scopes are examined: an unknown or forbidden one is `invalid_target`. Without
/// `resource`, scopes that belong to exactly one resource select it; without scopes too, the target is the client's
/// default or only resource, with the client's scopes there. More than one `resource` is rejected: a token has one
/// audience.
pub fn for_machine(
    client: &Client,
    resources: &[Resource],
    asked_resource: &[String],
    asked_scope: Option<&str>,
) -> Result<Target, OAuthError> {
    let allowed = |resource: &Resource| {
        client
            .metadata
            .resources
            .iter()
            .any(|name| resource.answers_to(name))
    };
    let named = match asked_resource {
        [] => None,
        [one] => {
            let known = resources.iter().find(|resource| resource.answers_to(one));
            Some(
                known
                    .filter(|resource| allowed(resource))
                    .ok_or(OAuthError::InvalidTarget)?,
            )
        }
        [_, _, ..] => return Err(OAuthError::InvalidTarget),
    };
    let asked = match asked_scope {
        None => None,
        Some(text) => Some(Scope::parse(text).ok_or(OAuthError::InvalidScope)?),
    };
    let resource = match (named, &asked) {
        (Some(resource), _) => resource,
        (None, Some(asked)) => declaring(resources, client, asked)?,
        (None, None) => default_of(client, resources)?,
    };
    let there = client.metadata.scope.filter(|name| resource.declares(name));
    let scope = match asked {
        // A token without any scope is useless at a resource that has scopes (RFC 6749 §3.3: fail).
        None if there.is_empty() && !resource.scopes.is_empty() => return Err(OAuthError::InvalidScope),
        None => there,
        // RFC 6749 §4.4 has no user whose roles could narrow the request: a scope beyond the client's own rejects it as
        // a whole.
        Some(asked) if there.covers(&asked) => asked,
        Some(_) => return Err(OAuthError::InvalidScope),
    };
    Ok(Target {
        audience: resource.identifier.clone(),
        scope,
        wants_roles: resource.wants_roles,
    })
}

/// The one resource that declares the requested scopes, among those that the client may ask for.
fn declaring<'a>(
    resources: &'a [Resource],
    client: &Client,
    asked: &Scope,
) -> Result<&'a Resource, OAuthError> {
    let mut found: Option<&Resource> = None;
    for name in asked.names() {
        let mut declaring = resources.iter().filter(|resource| {
            resource.declares(name)
                && client
                    .metadata
                    .resources
                    .iter()
                    .any(|known| resource.answers_to(known))
        });
        let resource = match (declaring.next(), found) {
            (None, _) => return Err(OAuthError::InvalidScope),
            // Several resources declare this name; an earlier name may have selected one of them.
            (Some(first), Some(found)) if first != found && !declaring.any(|other| other == found) => {
                return Err(OAuthError::MixedScope);
            }
            (Some(_), Some(found)) => found,
            (Some(first), None) => match declaring.next() {
                None => first,
                Some(_) => return Err(OAuthError::NoTarget),
            },
        };
        found = Some(resource);
    }
    found.ok_or(OAuthError::InvalidScope)
}

/// The resources that the client may ask for.
fn permitted<'a>(resources: &'a [Resource], client: &Client) -> impl Iterator<Item = &'a Resource> {
    resources.iter().filter(|resource| {
        client
            .metadata
            .resources
            .iter()
            .any(|name| resource.answers_to(name))
    })
}

fn default_of<'a>(client: &Client, resources: &'a [Resource]) -> Result<&'a Resource, OAuthError> {
    let name = match (
        &client.metadata.default_resource,
        client.metadata.resources.as_slice(),
    ) {
        (Some(default), _) => default,
        (None, [only]) => only,
        (None, _) => return Err(OAuthError::NoTarget),
    };
    resources
        .iter()
        .find(|resource| resource.answers_to(name))
        .ok_or(OAuthError::NoTarget)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;
    use crate::resource::{ResourceScope, fixture};

    fn orders() -> Resource {
        let scope = |name: &str| ResourceScope {
            name: name.into(),
            description: None,
            roles: Vec::new(),
        };
        Resource {
            identifier: "urn:latchkey:order".into(),
            title: None,
            aliases: vec!["https://shop.test/order".into()],
            scopes: vec![scope("order.read"), scope("order.write")],
            wants_roles: false,
            wants_groups: false,
        }
    }

    fn world() -> Vec<Resource> {
        let mut all = fixture();
        all.push(orders());
        all.push(Resource {
            identifier: "urn:foreign".into(),
            title: None,
            ..orders()
        });
        all
    }

    fn client(resources: &[&str], default: Option<&str>) -> Client {
        let mut client = machine();
        client.metadata.resources = resources.iter().map(|r| (*r).to_owned()).collect();
        client.metadata.scope = Scope::parse("catalog.read order.read openid").unwrap();
        client.metadata.default_resource = default.map(str::to_owned);
        client
    }

    const CATALOG: &str = "urn:latchkey:catalog";
    const ORDER: &str = "urn:latchkey:order";

    #[test]
    fn the_table_of_audiences_for_machines() {
        type Row<'a> = (
            &'a [&'a str],
            Option<&'a str>,
            &'a [&'a str],
            Option<&'a str>,
            Result<(&'a str, &'a str), OAuthError>,
        );
        let both: &[&str] = &[CATALOG, ORDER];
        let table: &[Row<'_>] = &[
            // registered, default, resource, scope → audience and scope
            (
                both,
                None,
                &[CATALOG],
                Some("catalog.read"),
                Ok((CATALOG, "catalog.read")),
            ),
            (both, None, &[CATALOG], None, Ok((CATALOG, "catalog.read"))),
            (
                both,
                None,
                &["https://shop.test/order"],
                None,
                Ok((ORDER, "order.read")),
            ),
            (both, None, &[], Some("order.read"), Ok((ORDER, "order.read"))),
            (
                both,
                None,
                &[],
                Some("order.read catalog.read"),
                Err(OAuthError::MixedScope),
            ),
            (both, None, &[], None, Err(OAuthError::NoTarget)),
            (both, Some(ORDER), &[], None, Ok((ORDER, "order.read"))),
            (&[CATALOG], None, &[], None, Ok((CATALOG, "catalog.read"))),
            (&[CATALOG], None, &[ORDER], None, Err(OAuthError::InvalidTarget)),
            (
                &[CATALOG],
                None,
                &["urn:nothing"],
                Some("nonsense"),
                Err(OAuthError::InvalidTarget),
            ),
            (
                &[CATALOG],
                None,
                &[CATALOG, CATALOG],
                None,
                Err(OAuthError::InvalidTarget),
            ),
            (
                both,
                None,
                &[CATALOG],
                Some("order.read"),
                Err(OAuthError::InvalidScope),
            ),
            (
                both,
                None,
                &[CATALOG],
                Some("catalog.write"),
                Err(OAuthError::InvalidScope),
            ),
            (
                both,
                None,
                &[],
                Some("catalog.write"),
                Err(OAuthError::InvalidScope),
            ),
            (
                both,
                None,
                &[CATALOG],
                Some("openid"),
                Err(OAuthError::InvalidScope),
            ),
            (both, None, &[], Some("openid"), Err(OAuthError::InvalidScope)),
            (
                both,
                None,
                &[CATALOG],
                Some("catalog.read  x"),
                Err(OAuthError::InvalidScope),
            ),
            (
                both,
                None,
                &[CATALOG],
                Some("  catalog.read "),
                Ok((CATALOG, "catalog.read")),
            ),
            (&[], None, &[], None, Err(OAuthError::NoTarget)),
        ];
        for (resources, default, resource, scope, expected) in table {
            let asked: Vec<String> = resource.iter().map(|r| (*r).to_owned()).collect();
            let got = for_machine(&client(resources, *default), &world(), &asked, *scope);
            let got = got.map(|target| (target.audience, target.scope.to_string()));
            let expected = expected.clone().map(|(a, s)| (a.to_owned(), s.to_owned()));
            assert_eq!(got, expected, "{resources:?} {default:?} {resource:?} {scope:?}");
        }
    }

    #[test]
    fn an_origin_is_one_resource_with_and_without_its_slash() {
        let spellings: [&[&str]; 3] = [&[], &["https://api.test"], &["https://api.test/"]];
        for identifier in ["https://api.test", "https://api.test/"] {
            let api = Resource {
                identifier: identifier.into(),
                title: None,
                aliases: Vec::new(),
                ..orders()
            };
            for registered in ["https://api.test", "https://api.test/"] {
                let client = client(&[registered], Some(registered));
                for asked in spellings {
                    let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
                    let target = for_machine(&client, std::slice::from_ref(&api), &asked, None).unwrap();
                    // Every token carries the same name of the resource, whatever was requested: guards compare it
                    // literally.
                    assert_eq!(target.audience, identifier, "{registered} {asked:?}");
                }
                let path = ["https://api.test/v1".to_owned()];
                assert_eq!(
                    for_machine(&client, std::slice::from_ref(&api), &path, None),
                    Err(OAuthError::InvalidTarget)
                );
            }
        }
    }

    #[test]
    fn a_client_without_any_scope_at_the_resource_gets_no_token_for_it() {
        let mut client = client(&[CATALOG], None);
        client.metadata.scope = Scope::parse("order.read").unwrap();
        assert_eq!(
            for_machine(&client, &world(), &[], None),
            Err(OAuthError::InvalidScope)
        );
        let bare = Resource {
            scopes: Vec::new(),
            ..fixture().remove(0)
        };
        let target = for_machine(&client, &[bare], &[], None).unwrap();
        assert!(target.scope.is_empty());
    }

    /// CVE-2024-52287, TK-09.
    #[test]
    fn asking_for_more_never_gives_more() {
        let client = client(&[CATALOG, ORDER], None);
        for more in [
            "catalog.admin",
            "catalog.read catalog.admin",
            "catalog.write",
            "CATALOG.READ",
            "*",
        ] {
            let got = for_machine(&client, &world(), &[CATALOG.to_owned()], Some(more));
            assert_eq!(got, Err(OAuthError::InvalidScope), "{more}");
        }
    }
}
