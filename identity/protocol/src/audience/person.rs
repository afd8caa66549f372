//! The target of a person's token: what was asked, narrowed by client, consent and roles (design §4).

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::consent::Consent;
use crate::error::{GrantRefusal, OAuthError};
use crate::person::Person;
use crate::resource::{Resource, same};
use crate::scope::{OPENID, Scope};

/// The `aud` of a person's access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One resource, or the issuer itself for userinfo.
    One(String),
    /// A resource and the issuer, for clients with `userinfo_audience`.
    Both(String, String),
}

/// Scopes, and the resources that they are for: what is asked, remembered in a code, and kept by a family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The scopes, of OpenID Connect and of resources.
    pub scope: Scope,
    /// The identifiers of the resources; none means the issuer alone.
    pub resources: Vec<String>,
}

/// What a person's token will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonTarget {
    /// For whom.
    pub audience: Audience,
    /// What it may do there.
    pub scope: Scope,
    /// The person's roles, for a resource that wants them.
    pub roles: Vec<String>,
    /// True when an ID token goes with it.
    pub id_token: bool,
}

/// What the target follows from.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The issuer, which is the audience of userinfo.
    pub issuer: &'a str,
    /// Every resource that there is.
    pub resources: &'a [Resource],
    /// Who asks.
    pub client: &'a Client,
    /// For whom.
    pub person: &'a Person,
    /// What they allow now.
    pub consent: &'a Consent,
}

/// Reads `resource` and `scope` of an authorization request.
///
/// Resources are settled first: an unknown or forbidden one is `invalid_target`. Names that nobody declares or that the
/// client is not registered for are left out (OpenID Connect Core §3.1.2.1); the answer then says what is granted.
/// Without `resource` the scopes name it; of two resources they are refused. Without `scope` the named resources give
/// the client's scopes there.
pub fn asked(
    issuer: &str,
    client: &Client,
    resources: &[Resource],
    asked_resource: &[String],
    asked_scope: Option<&str>,
) -> Result<Granted, OAuthError> {
    let mut named: Vec<&Resource> = Vec::new();
    for name in asked_resource.iter().filter(|name| !same(name, issuer)) {
        let resource = super::permitted(resources, client)
            .find(|resource| resource.answers_to(name))
            .ok_or(OAuthError::InvalidTarget)?;
        if !named.contains(&resource) {
            named.push(resource);
        }
    }
    let declared = |name: &str, there: &[&Resource]| there.iter().any(|resource| resource.declares(name));
    let wanted = match asked_scope {
        Some(text) => Scope::parse(text).ok_or(OAuthError::InvalidScope)?,
        None if named.is_empty() => return Err(OAuthError::InvalidScope),
        None => client.metadata.scope.filter(|name| declared(name, &named)),
    };
    let wanted = wanted.and(&client.metadata.scope);
    if asked_resource.is_empty() {
        let everywhere: Vec<&Resource> = super::permitted(resources, client).collect();
        let api = wanted.filter(|name| !is_openid(name) && declared(name, &everywhere));
        if !api.is_empty() {
            named.push(super::declaring(resources, client, &api)?);
        }
    }
    let scope = wanted.filter(|name| is_openid(name) || declared(name, &named));
    if scope.is_empty() {
        return Err(OAuthError::InvalidScope);
    }
    let resources = named
        .into_iter()
        .map(|resource| resource.identifier.clone())
        .collect();
    Ok(Granted { scope, resources })
}

/// What of it the person's roles allow now: a scope stays when one of the granted resources lets them have it.
pub fn narrow(asked: &Granted, person: &Person, resources: &[Resource]) -> Granted {
    let there: Vec<&Resource> = of(asked, resources).collect();
    Granted {
        scope: asked
            .scope
            .filter(|name| is_openid(name) || there.iter().any(|resource| may(person, resource, name))),
        resources: asked.resources.clone(),
    }
}

/// Decides the target of a code's or refresh token's access token. `granted` is what the code or family carries.
///
/// The resource must be in the grant; more than granted is `invalid_scope`, less is fine and changes nothing for the
/// next time; what client, consent or roles have lost since is left out, and `invalid_grant` when nothing is left.
pub fn for_person(
    ground: Ground<'_>,
    granted: &Granted,
    asked_resource: &[String],
    asked_scope: Option<&str>,
) -> Result<PersonTarget, OAuthError> {
    let named = match asked_resource {
        [] => None,
        [one] => Some(named(ground, granted, one)?),
        [_, _, ..] => return Err(OAuthError::InvalidTarget),
    };
    let asked = match asked_scope {
        None => granted.scope.clone(),
        Some(text) => Scope::parse(text).ok_or(OAuthError::InvalidScope)?,
    };
    if !granted.scope.covers(&asked) {
        return Err(OAuthError::InvalidScope);
    }
    let meant = match named {
        Some(meant) => meant,
        None => infer(ground, granted, &asked, asked_scope.is_some())?,
    };
    let Ground {
        issuer,
        client,
        person,
        consent,
        ..
    } = ground;
    let to_issuer = meant.is_none() || (client.metadata.userinfo_audience && asked.has("openid"));
    let belongs = |name: &str| match meant {
        _ if is_openid(name) => to_issuer,
        Some(resource) => resource.declares(name),
        None => false,
    };
    let there = asked.filter(belongs);
    if there.is_empty() {
        return Err(OAuthError::InvalidScope);
    }
    let stands = |name: &str| client.metadata.scope.has(name) && consent.granted.scope.has(name);
    let scope = there.filter(|name| {
        stands(name) && (is_openid(name) || meant.is_some_and(|resource| may(person, resource, name)))
    });
    if scope.is_empty() {
        return Err(GrantRefusal::NothingLeft.into());
    }
    Ok(PersonTarget {
        audience: match meant {
            None => Audience::One(issuer.to_owned()),
            Some(resource) if to_issuer && scope.has("openid") => {
                Audience::Both(resource.identifier.clone(), issuer.to_owned())
            }
            Some(resource) => Audience::One(resource.identifier.clone()),
        },
        scope,
        roles: match meant {
            Some(resource) if resource.wants_roles => person.roles.clone(),
            _ => Vec::new(),
        },
        id_token: asked.has("openid") && stands("openid"),
    })
}

/// The resource of a `resource` parameter: in the grant, and still the client's. `None` is the issuer.
fn named<'a>(ground: Ground<'a>, granted: &Granted, name: &str) -> Result<Option<&'a Resource>, OAuthError> {
    if same(name, ground.issuer) && granted.scope.has("openid") {
        return Ok(None);
    }
    super::permitted(ground.resources, ground.client)
        .find(|resource| resource.answers_to(name) && granted.resources.contains(&resource.identifier))
        .map(Some)
        .ok_or(OAuthError::InvalidTarget)
}

/// The one granted resource to which the asked scopes belong; `None` is the issuer.
fn infer<'a>(
    ground: Ground<'a>,
    granted: &Granted,
    asked: &Scope,
    explicit: bool,
) -> Result<Option<&'a Resource>, OAuthError> {
    let there: Vec<&Resource> = super::permitted(ground.resources, ground.client)
        .filter(|resource| granted.resources.contains(&resource.identifier))
        .collect();
    let api = asked.filter(|name| there.iter().any(|resource| resource.declares(name)));
    if api.is_empty() {
        return Ok(None);
    }
    let mut whole = there
        .iter()
        .filter(|resource| api.names().all(|name| resource.declares(name)));
    match (whole.next(), whole.next()) {
        (Some(only), None) => Ok(Some(only)),
        (None, _) if explicit => Err(OAuthError::MixedScope),
        _ => Err(OAuthError::NoTarget),
    }
}

fn of<'a>(granted: &Granted, resources: &'a [Resource]) -> impl Iterator<Item = &'a Resource> {
    resources
        .iter()
        .filter(|resource| granted.resources.contains(&resource.identifier))
}

fn may(person: &Person, resource: &Resource, name: &str) -> bool {
    resource
        .scopes
        .iter()
        .any(|scope| scope.name == name && person.has_any_role(&scope.roles))
}

fn is_openid(name: &str) -> bool {
    OPENID.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;
    use crate::consent::tests::consent;
    use crate::person::tests::carol;
    use crate::resource::{ResourceScope, built_in};

    const ISSUER: &str = "https://id.test";
    const CATALOG: &str = "urn:latchkey:catalog";
    const ORDER: &str = "urn:latchkey:order";
    const EVERYTHING: &str =
        "openid profile offline_access catalog.read catalog.write catalog.admin order.read shared";

    fn world() -> Vec<Resource> {
        let mut all = built_in();
        let scope = |name: &str| ResourceScope {
            name: name.into(),
            roles: Vec::new(),
        };
        all[0].scopes.push(scope("shared"));
        for identifier in [ORDER, "urn:foreign"] {
            all.push(Resource {
                identifier: identifier.into(),
                aliases: vec![format!("https://shop.test/{identifier}")],
                scopes: vec![scope("order.read"), scope("shared")],
                wants_roles: false,
            });
        }
        all
    }

    fn client() -> Client {
        let mut client = machine();
        client.metadata.scope = Scope::parse(EVERYTHING).unwrap();
        client.metadata.resources = vec![CATALOG.into(), ORDER.into()];
        client
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_table_of_what_an_authorization_request_asks() {
        type Row<'a> = (
            &'a [&'a str],
            Option<&'a str>,
            Result<(&'a str, &'a [&'a str]), OAuthError>,
        );
        let table: &[Row<'_>] = &[
            (&[], Some("openid profile"), Ok(("openid profile", &[]))),
            (
                &[],
                Some("openid catalog.read"),
                Ok(("openid catalog.read", &[CATALOG])),
            ),
            (
                &[],
                Some("order.read openid"),
                Ok(("order.read openid", &[ORDER])),
            ),
            (&[], Some("catalog.read order.read"), Err(OAuthError::MixedScope)),
            (&[], Some("shared"), Err(OAuthError::NoTarget)),
            (
                &[],
                Some("catalog.read shared"),
                Ok(("catalog.read shared", &[CATALOG])),
            ),
            (&[], None, Err(OAuthError::InvalidScope)),
            (&[], Some("nobody.knows"), Err(OAuthError::InvalidScope)),
            (&[], Some("openid nobody.knows email"), Ok(("openid", &[]))),
            (&[], Some(" openid  profile "), Ok(("openid profile", &[]))),
            (
                &[CATALOG],
                None,
                Ok(("catalog.read catalog.write catalog.admin shared", &[CATALOG])),
            ),
            (
                &[CATALOG],
                Some("openid order.read catalog.read"),
                Ok(("openid catalog.read", &[CATALOG])),
            ),
            (
                &[CATALOG, ORDER],
                Some("catalog.read order.read"),
                Ok(("catalog.read order.read", &[CATALOG, ORDER])),
            ),
            (
                &[ORDER, "https://shop.test/urn:latchkey:order"],
                Some("order.read"),
                Ok(("order.read", &[ORDER])),
            ),
            (
                &["urn:foreign"],
                Some("order.read"),
                Err(OAuthError::InvalidTarget),
            ),
            (
                &["urn:nothing"],
                Some("no  scope"),
                Err(OAuthError::InvalidTarget),
            ),
            (&[ISSUER], Some("openid catalog.read"), Ok(("openid", &[]))),
            (
                &["https://id.test/"],
                Some("openid catalog.read"),
                Ok(("openid", &[])),
            ),
            (
                &[ISSUER, CATALOG],
                Some("openid catalog.read"),
                Ok(("openid catalog.read", &[CATALOG])),
            ),
        ];
        for (resource, scope, expected) in table {
            let got = asked(ISSUER, &client(), &world(), &list(resource), *scope);
            let expected = expected.clone().map(|(scope, resources)| Granted {
                scope: Scope::parse(scope).unwrap(),
                resources: list(resources),
            });
            assert_eq!(got, expected, "{resource:?} {scope:?}");
        }
    }

    fn target(
        granted: (&str, &[&str]),
        resource: &[&str],
        scope: Option<&str>,
        change: impl Fn(&mut Client, &mut Person, &mut Consent),
    ) -> Result<(String, String), OAuthError> {
        let (mut client, mut person, mut consent) = (client(), carol(), consent(EVERYTHING));
        change(&mut client, &mut person, &mut consent);
        let resources = world();
        let ground = Ground {
            issuer: ISSUER,
            resources: &resources,
            client: &client,
            person: &person,
            consent: &consent,
        };
        let granted = Granted {
            scope: Scope::parse(granted.0).unwrap(),
            resources: list(granted.1),
        };
        let target = for_person(ground, &granted, &list(resource), scope)?;
        let audience = serde_json::to_string(&target.audience).unwrap().replace('"', "");
        Ok((audience, target.scope.to_string()))
    }

    #[test]
    fn rt_11_the_table_of_targets_of_a_grant() {
        type Row<'a> = (
            &'a [&'a str],
            Option<&'a str>,
            Result<(&'a str, &'a str), OAuthError>,
        );
        let both: (&str, &[&str]) = (
            "openid profile catalog.read catalog.write order.read",
            &[CATALOG, ORDER],
        );
        let table: &[Row<'_>] = &[
            (&[CATALOG], None, Ok((CATALOG, "catalog.read catalog.write"))),
            (&[CATALOG], Some("catalog.read"), Ok((CATALOG, "catalog.read"))),
            (
                &["https://shop.test/urn:latchkey:order"],
                None,
                Ok((ORDER, "order.read")),
            ),
            (&[ISSUER], None, Ok((ISSUER, "openid profile"))),
            (&[], Some("openid"), Ok((ISSUER, "openid"))),
            (&[], Some("openid order.read"), Ok((ORDER, "order.read"))),
            (&[], Some("catalog.read order.read"), Err(OAuthError::MixedScope)),
            (&[], None, Err(OAuthError::NoTarget)),
            (&[CATALOG, ORDER], None, Err(OAuthError::InvalidTarget)),
            (&["urn:foreign"], None, Err(OAuthError::InvalidTarget)),
            (&["urn:nothing"], Some("nonsense"), Err(OAuthError::InvalidTarget)),
            (&[CATALOG], Some("catalog.admin"), Err(OAuthError::InvalidScope)),
            (
                &[CATALOG],
                Some("catalog.read email"),
                Err(OAuthError::InvalidScope),
            ),
            (&[CATALOG], Some("order.read"), Err(OAuthError::InvalidScope)),
            (&[CATALOG], Some("catalog.read  x"), Err(OAuthError::InvalidScope)),
            (
                &[CATALOG],
                Some("  catalog.read  "),
                Ok((CATALOG, "catalog.read")),
            ),
            (&["https://id.test/"], None, Ok((ISSUER, "openid profile"))),
            (&["https://id.test//"], None, Err(OAuthError::InvalidTarget)),
        ];
        for (resource, scope, expected) in table {
            let got = target(both, resource, *scope, |_, _, _| {});
            let expected = expected.clone().map(|(a, s)| (a.to_owned(), s.to_owned()));
            assert_eq!(got, expected, "{resource:?} {scope:?}");
        }
        let one = ("openid catalog.read", &[CATALOG][..]);
        let ok = |aud: &str, scope: &str| Ok((aud.to_owned(), scope.to_owned()));
        assert_eq!(target(one, &[], None, |_, _, _| {}), ok(CATALOG, "catalog.read"));
        assert_eq!(
            target(one, &[ORDER], None, |_, _, _| {}),
            Err(OAuthError::InvalidTarget)
        );
        let beside = target(one, &[], None, |client, _, _| {
            client.metadata.userinfo_audience = true
        });
        assert_eq!(
            beside,
            ok(&format!("[{CATALOG},{ISSUER}]"), "openid catalog.read")
        );
        let without = target(("catalog.read", &[CATALOG]), &[ISSUER], None, |_, _, _| {});
        assert_eq!(without, Err(OAuthError::InvalidTarget));
    }

    #[test]
    fn cve_2024_52287_cve_2026_33132_tk_09_rt_08_what_was_lost_since_is_left_out_and_nothing_is_invalid_grant()
     {
        let grant = ("openid catalog.read catalog.write", &[CATALOG][..]);
        let write = ("openid catalog.write", &[CATALOG][..]);
        let nothing = Err(OAuthError::InvalidGrant(GrantRefusal::NothingLeft));
        let ok = |scope: &str| Ok((CATALOG.to_owned(), scope.to_owned()));
        let no_roles = |_: &mut Client, person: &mut Person, _: &mut Consent| person.roles.clear();
        let no_write = |client: &mut Client, _: &mut Person, _: &mut Consent| {
            client.metadata.scope = client.metadata.scope.filter(|name| name != "catalog.write");
        };
        let not_allowed = |_: &mut Client, _: &mut Person, consent: &mut Consent| {
            consent.granted.scope = Scope::parse("openid catalog.read").unwrap();
        };
        assert_eq!(
            target(grant, &[], None, |_, _, _| {}),
            ok("catalog.read catalog.write")
        );
        assert_eq!(target(grant, &[], None, no_roles), ok("catalog.read"));
        assert_eq!(target(grant, &[], None, no_write), ok("catalog.read"));
        assert_eq!(target(grant, &[], None, not_allowed), ok("catalog.read"));
        for change in [
            no_roles as fn(&mut Client, &mut Person, &mut Consent),
            no_write,
            not_allowed,
        ] {
            assert_eq!(target(write, &[], None, change), nothing);
            assert_eq!(target(grant, &[], Some("catalog.write"), change), nothing);
        }
    }

    #[test]
    fn a_role_counts_at_the_resource_that_asks_for_it() {
        let granted = Granted {
            scope: Scope::parse("openid catalog.write catalog.admin order.read").unwrap(),
            resources: list(&[CATALOG, ORDER]),
        };
        let left = |roles: &[&str]| {
            let mut person = carol();
            person.roles = list(roles);
            narrow(&granted, &person, &world()).scope.to_string()
        };
        assert_eq!(left(&[]), "openid order.read");
        assert_eq!(left(&["instructor"]), "openid catalog.write order.read");
        assert_eq!(left(&["admin"]), "openid catalog.write catalog.admin order.read");
    }
}
