//! The target of a user's token: the request, narrowed by client, consent and roles (docs/tokens.md, Audience).

use serde::Serialize;

use super::granted::is_openid;
use crate::audience::Granted;
use crate::client::Client;
use crate::error::{GrantError, OAuthError};
use crate::groups;
use crate::resource::{Resource, same};
use crate::scope::{GROUPS, Scope};
use crate::user::User;

/// The `aud` of a user's access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One resource, or the issuer itself for userinfo.
    One(String),
    /// A resource and the issuer, for clients with `userinfo_audience`.
    Both(String, String),
}

/// The audience of a user's token and what it grants there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTarget {
    /// The audience.
    pub audience: Audience,
    /// The granted scope.
    pub scope: Scope,
    /// The user's roles, for a resource that requests them.
    pub roles: Vec<String>,
    /// The user's groups, for a client with the scope for them.
    pub groups: Vec<String>,
    /// The same, for a resource that requests them.
    pub resource_groups: Vec<String>,
    /// True if an ID token is issued with it.
    pub id_token: bool,
}

/// The facts that determine the target.
#[derive(Clone, Copy, Debug)]
pub struct GrantContext<'a> {
    /// The issuer, which is the audience of userinfo.
    pub issuer: &'a str,
    /// Every registered resource.
    pub resources: &'a [Resource],
    /// The client that asks.
    pub client: &'a Client,
    /// The user that the token is for.
    pub person: &'a User,
    /// What they allow now.
    pub allowed: &'a Granted,
}

/// Reads `resource` and `scope` of an authorization request.
///
/// Resources are settled first: an unknown or forbidden one is `invalid_target`. Scopes that nobody declares or that
/// the client is not registered for are dropped (OpenID Connect Core §3.1.2.1); the response then says what is granted.
/// Without `resource`, the scopes select it, and scopes of two resources are rejected. Without `scope`, the named
/// resources get the client's scopes there. A scope is requested at each named resource that declares it, and a named
/// resource that declares none of them is dropped.
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
    let there = named.into_iter().map(|resource| {
        let scope = wanted.filter(|name| resource.declares(name));
        (resource.identifier.clone(), scope)
    });
    let asked = Granted::new(&wanted, there);
    if asked.is_empty() {
        return Err(OAuthError::InvalidScope);
    }
    Ok(asked)
}

/// The part of the request that the user's current roles allow: a scope stays at each resource that permits it.
pub fn narrow(asked: &Granted, person: &User, resources: &[Resource]) -> Granted {
    asked.filter(|place, name| match place {
        None => true,
        Some(identifier) => resources
            .iter()
            .any(|resource| resource.identifier == identifier && may(person, resource, name)),
    })
}

/// Decides the target of the access token of a code or refresh token. `granted` is what the code or family carries.
///
/// The resource must be part of the grant, and only scopes granted at that resource count: requesting more is
/// `invalid_scope`, requesting less does not affect later requests. Whatever client, consent or roles no longer allow
/// is dropped, and it is `invalid_grant` if nothing is left.
pub fn for_person(
    context: GrantContext<'_>,
    granted: &Granted,
    asked_resource: &[String],
    asked_scope: Option<&str>,
) -> Result<UserTarget, OAuthError> {
    let named = match asked_resource {
        [] => None,
        [one] => Some(named(context, granted, one)?),
        [_, _, ..] => return Err(OAuthError::InvalidTarget),
    };
    let asked = match asked_scope {
        None => granted.scope(),
        Some(text) => Scope::parse(text).ok_or(OAuthError::InvalidScope)?,
    };
    if !granted.scope().covers(&asked) {
        return Err(OAuthError::InvalidScope);
    }
    let meant = match named {
        Some(meant) => meant,
        None => infer(context, granted, &asked, asked_scope.is_some())?,
    };
    let GrantContext {
        issuer,
        client,
        person,
        allowed,
        ..
    } = context;
    let stands =
        |place: Option<&str>, name: &str| client.metadata.scope.has(name) && allowed.has(place, name);
    // Without `openid` userinfo would refuse the token, so the other names of the issuer are for nobody.
    let beside = client.metadata.userinfo_audience && asked.has("openid") && stands(None, "openid");
    let to_issuer = meant.is_none() || beside;
    let place = meant.map(|resource| resource.identifier.as_str());
    // A token for a resource must grant something there; what the issuer adds for userinfo does not count.
    let serves = |scope: &Scope| scope.names().any(|name| place.is_none() || !is_openid(name));
    let there = asked.filter(|name| {
        if is_openid(name) {
            to_issuer
        } else {
            place.is_some() && granted.has(place, name)
        }
    });
    if !serves(&there) {
        return Err(OAuthError::InvalidScope);
    }
    let scope = there.filter(|name| {
        if is_openid(name) {
            stands(None, name)
        } else {
            stands(place, name) && meant.is_some_and(|resource| may(person, resource, name))
        }
    });
    if !serves(&scope) {
        return Err(GrantError::NothingLeft.into());
    }
    let roles = match meant {
        Some(resource) if resource.wants_roles => person.roles.clone(),
        _ => Vec::new(),
    };
    if !groups::fit(&roles) {
        return Err(OAuthError::TooManyRoles);
    }
    let groups = match asked.has(GROUPS) && stands(None, GROUPS) {
        true => person.groups.clone(),
        false => Vec::new(),
    };
    if !groups::fit(&groups) {
        return Err(OAuthError::TooManyGroups);
    }
    Ok(UserTarget {
        audience: match meant {
            None => Audience::One(issuer.to_owned()),
            Some(resource) if to_issuer && scope.has("openid") => {
                Audience::Both(resource.identifier.clone(), issuer.to_owned())
            }
            Some(resource) => Audience::One(resource.identifier.clone()),
        },
        scope,
        resource_groups: match meant {
            Some(resource) if resource.wants_groups => groups.clone(),
            _ => Vec::new(),
        },
        roles,
        groups,
        id_token: asked.has("openid") && stands(None, "openid"),
    })
}

/// The resource of a `resource` parameter: in the grant, and still the client's. `None` is the issuer.
fn named<'a>(
    context: GrantContext<'a>,
    granted: &Granted,
    name: &str,
) -> Result<Option<&'a Resource>, OAuthError> {
    if same(name, context.issuer) && granted.has(None, "openid") {
        return Ok(None);
    }
    super::permitted(context.resources, context.client)
        .find(|resource| resource.answers_to(name) && granted.at(&resource.identifier).is_some())
        .map(Some)
        .ok_or(OAuthError::InvalidTarget)
}

/// The one resource at which all requested scopes are granted; `None` is the issuer.
fn infer<'a>(
    context: GrantContext<'a>,
    granted: &Granted,
    asked: &Scope,
    explicit: bool,
) -> Result<Option<&'a Resource>, OAuthError> {
    let there: Vec<(&Resource, &Scope)> = super::permitted(context.resources, context.client)
        .filter_map(|resource| Some((resource, granted.at(&resource.identifier)?)))
        .collect();
    let api = asked.filter(|name| there.iter().any(|(_, scope)| scope.has(name)));
    if api.is_empty() {
        return Ok(None);
    }
    // Requesting the whole of a grant for several resources selects none of them.
    if !explicit && there.len() > 1 {
        return Err(OAuthError::NoTarget);
    }
    let mut whole = there
        .iter()
        .filter(|(_, scope)| scope.covers(&api))
        .map(|(resource, _)| *resource);
    match (whole.next(), whole.next()) {
        (Some(only), None) => Ok(Some(only)),
        (None, _) if explicit => Err(OAuthError::MixedScope),
        _ => Err(OAuthError::NoTarget),
    }
}

/// Whether the user's roles allow this scope of the resource.
pub(crate) fn may(person: &User, resource: &Resource, name: &str) -> bool {
    resource
        .scopes
        .iter()
        .any(|scope| scope.name == name && person.has_any_role(&scope.roles))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::machine;
    use crate::consent::Consent;
    use crate::resource::{ResourceScope, fixture};
    use crate::user::tests::carol;

    const ISSUER: &str = "https://id.test";
    const CATALOG: &str = "urn:latchkey:catalog";
    const ORDER: &str = "urn:latchkey:order";
    const EVERYTHING: &str =
        "openid profile offline_access catalog.read catalog.write catalog.admin order.read shared";

    fn world() -> Vec<Resource> {
        let mut all = fixture();
        let scope = |name: &str| ResourceScope {
            name: name.into(),
            description: None,
            roles: Vec::new(),
        };
        all[0].scopes.push(scope("shared"));
        for identifier in [ORDER, "urn:foreign"] {
            all.push(Resource {
                identifier: identifier.into(),
                title: None,
                aliases: vec![format!("https://shop.test/{identifier}")],
                scopes: vec![scope("order.read"), scope("shared")],
                wants_roles: false,
                wants_groups: false,
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

    /// Each name at each resource that declares it.
    fn wherever(scope: &str, resources: &[&str]) -> Granted {
        let scope = Scope::parse(scope).unwrap();
        let world = world();
        let declared = |identifier: &str, name: &str| {
            world
                .iter()
                .any(|resource| resource.identifier == identifier && resource.declares(name))
        };
        let there = resources.iter().map(|&identifier| {
            let scope = scope.filter(|name| declared(identifier, name));
            (identifier.to_owned(), scope)
        });
        Granted::new(&scope, there)
    }

    fn at(resources: &[(&str, &str)]) -> Granted {
        let there = resources
            .iter()
            .map(|(resource, scope)| ((*resource).to_owned(), Scope::parse(scope).unwrap()));
        Granted::new(&Scope::parse("openid").unwrap(), there)
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
            (
                &[CATALOG, ORDER],
                Some("shared"),
                Ok(("shared", &[CATALOG, ORDER])),
            ),
            (&[CATALOG], Some("openid order.read"), Ok(("openid", &[]))),
            (
                &[CATALOG, ORDER],
                Some("order.read"),
                Ok(("order.read", &[ORDER])),
            ),
        ];
        for (resource, scope, expected) in table {
            let got = asked(ISSUER, &client(), &world(), &list(resource), *scope);
            let expected = expected
                .clone()
                .map(|(scope, resources)| wherever(scope, resources));
            assert_eq!(got, expected, "{resource:?} {scope:?}");
        }
    }

    fn target(
        granted: (&str, &[&str]),
        resource: &[&str],
        scope: Option<&str>,
        change: impl Fn(&mut Client, &mut User, &mut Consent),
    ) -> Result<(String, String), OAuthError> {
        targeted(&wherever(granted.0, granted.1), resource, scope, change)
    }

    fn targeted(
        granted: &Granted,
        resource: &[&str],
        scope: Option<&str>,
        change: impl Fn(&mut Client, &mut User, &mut Consent),
    ) -> Result<(String, String), OAuthError> {
        let (mut client, mut person) = (client(), carol());
        let mut consent = Consent {
            granted: wherever(EVERYTHING, &[CATALOG, ORDER]),
            withdrawn_at: None,
        };
        change(&mut client, &mut person, &mut consent);
        let resources = world();
        let context = GrantContext {
            issuer: ISSUER,
            resources: &resources,
            client: &client,
            person: &person,
            allowed: &consent.granted,
        };
        let target = for_person(context, granted, &list(resource), scope)?;
        let audience = serde_json::to_string(&target.audience).unwrap().replace('"', "");
        Ok((audience, target.scope.to_string()))
    }

    /// RT-11.
    #[test]
    fn the_table_of_targets_of_a_grant() {
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

    /// CVE-2024-52287, CVE-2026-33132, TK-09, RT-08.
    #[test]
    fn what_was_lost_since_is_left_out_and_nothing_is_invalid_grant() {
        let grant = ("openid catalog.read catalog.write", &[CATALOG][..]);
        let write = ("openid catalog.write", &[CATALOG][..]);
        let nothing = Err(OAuthError::InvalidGrant(GrantError::NothingLeft));
        let ok = |scope: &str| Ok((CATALOG.to_owned(), scope.to_owned()));
        let no_roles = |_: &mut Client, person: &mut User, _: &mut Consent| person.roles.clear();
        let no_write = |client: &mut Client, _: &mut User, _: &mut Consent| {
            client.metadata.scope = client.metadata.scope.filter(|name| name != "catalog.write");
        };
        let not_allowed = |_: &mut Client, _: &mut User, consent: &mut Consent| {
            consent.granted = at(&[(CATALOG, "catalog.read")]);
        };
        assert_eq!(
            target(grant, &[], None, |_, _, _| {}),
            ok("catalog.read catalog.write")
        );
        assert_eq!(target(grant, &[], None, no_roles), ok("catalog.read"));
        assert_eq!(target(grant, &[], None, no_write), ok("catalog.read"));
        assert_eq!(target(grant, &[], None, not_allowed), ok("catalog.read"));
        for change in [
            no_roles as fn(&mut Client, &mut User, &mut Consent),
            no_write,
            not_allowed,
        ] {
            assert_eq!(target(write, &[], None, change), nothing);
            assert_eq!(target(grant, &[], Some("catalog.write"), change), nothing);
        }
    }

    #[test]
    fn a_role_counts_at_the_resource_that_asks_for_it() {
        let granted = wherever("openid catalog.write catalog.admin order.read", &[CATALOG, ORDER]);
        let left = |roles: &[&str]| {
            let mut person = carol();
            person.roles = list(roles);
            narrow(&granted, &person, &world()).scope().to_string()
        };
        assert_eq!(left(&[]), "openid order.read");
        assert_eq!(left(&["instructor"]), "openid catalog.write order.read");
        assert_eq!(left(&["admin"]), "openid catalog.write catalog.admin order.read");
    }

    #[test]
    fn a_scope_is_good_only_at_the_resource_that_it_was_granted_for() {
        let same = |_: &mut Client, _: &mut User, _: &mut Consent| {};
        let granted = at(&[(CATALOG, "catalog.read"), (ORDER, "shared")]);
        let ok = |aud: &str, scope: &str| Ok((aud.to_owned(), scope.to_owned()));
        let invalid_scope = Err(OAuthError::InvalidScope);
        let got = |resource: &[&str], scope| targeted(&granted, resource, scope, same);
        assert_eq!(got(&[ORDER], None), ok(ORDER, "shared"));
        assert_eq!(got(&[ORDER], Some("shared")), ok(ORDER, "shared"));
        assert_eq!(got(&[], Some("shared")), ok(ORDER, "shared"));
        assert_eq!(got(&[CATALOG], None), ok(CATALOG, "catalog.read"));
        assert_eq!(got(&[CATALOG], Some("shared")), invalid_scope);
        // A resource that was named without a scope requested there is not part of the grant.
        let elsewhere = targeted(&at(&[(ORDER, "shared")]), &[CATALOG], None, same);
        assert_eq!(elsewhere, Err(OAuthError::InvalidTarget));
        // The user's current consent also counts by pairs.
        let at_order = |_: &mut Client, _: &mut User, consent: &mut Consent| {
            consent.granted = at(&[(ORDER, "shared"), (CATALOG, "catalog.read")]);
        };
        let both = at(&[(CATALOG, "shared"), (ORDER, "shared")]);
        assert_eq!(
            targeted(&both, &[CATALOG], None, at_order),
            Err(OAuthError::InvalidGrant(GrantError::NothingLeft))
        );
        assert_eq!(targeted(&both, &[ORDER], None, at_order), ok(ORDER, "shared"));
    }

    #[test]
    fn userinfo_is_beside_a_resource_and_never_in_the_place_of_its_scopes() {
        let beside = |client: &mut Client, _: &mut User, _: &mut Consent| {
            client.metadata.userinfo_audience = true;
        };
        let granted = at(&[(CATALOG, "catalog.read")]);
        let got = targeted(&granted, &[CATALOG], Some("openid"), beside);
        assert_eq!(got, Err(OAuthError::InvalidScope));
    }
}
