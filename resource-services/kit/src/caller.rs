//! The caller, according to the token. Ownership depends on `sub` alone.

use latchkey_contracts::resource::{self, ResourceContract};

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody, or somebody whose token allows nothing here.
    Anonymous,
    /// A client that acts on its own behalf: it owns nothing, whatever its scopes.
    Machine,
    /// A user.
    Person {
        /// The subject of the token.
        sub: String,
        /// True with the administrator's role *and* the service's administrative scope: the scope limits the role.
        admin: bool,
    },
}

impl Caller {
    /// The caller of a service, from a verified token.
    pub fn of(
        service: &ResourceContract,
        is_machine: bool,
        sub: &str,
        has_scope: impl Fn(&str) -> bool,
        has_role: impl Fn(&str) -> bool,
    ) -> Self {
        if is_machine {
            return Self::Machine;
        }
        // A token that allows nothing here gives no access to anything restricted, whoever it belongs to.
        if !service.scopes.iter().any(|scope| has_scope(scope.name)) {
            return Self::Anonymous;
        }
        Self::Person {
            sub: sub.to_owned(),
            admin: has_role(resource::ADMIN) && service.admin.is_some_and(|scope| has_scope(scope.name)),
        }
    }

    /// True for what belongs to the caller, and for everything if they administer the service.
    pub fn may_act_on(&self, owner: &str) -> bool {
        match self {
            Self::Anonymous | Self::Machine => false,
            Self::Person { sub, admin } => *admin || sub == owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use latchkey_contracts::resource::catalog::RESOURCE;

    use super::*;

    fn caller(scopes: &[&str], roles: &[&str]) -> Caller {
        let has = |list: &[&str], name: &str| list.contains(&name);
        Caller::of(
            &RESOURCE,
            false,
            "ada",
            |name| has(scopes, name),
            |name| has(roles, name),
        )
    }

    #[test]
    fn an_administrator_needs_the_role_and_the_administrative_scope() {
        let acts_on_others = |scopes: &[&str], roles: &[&str]| caller(scopes, roles).may_act_on("bob");
        assert!(acts_on_others(&["catalog.admin"], &["admin"]));
        assert!(!acts_on_others(&["catalog.read"], &["admin"]));
        assert!(!acts_on_others(&["catalog.write"], &["admin"]));
        assert!(!acts_on_others(&["catalog.admin"], &["instructor"]));
        assert!(caller(&["catalog.read"], &[]).may_act_on("ada"));
    }

    #[test]
    fn a_token_that_may_do_nothing_here_names_nobody() {
        assert_eq!(caller(&["openid", "order.read"], &["admin"]), Caller::Anonymous);
        assert!(!Caller::Anonymous.may_act_on(""));
        assert!(!Caller::Machine.may_act_on("batch"));
    }
}
