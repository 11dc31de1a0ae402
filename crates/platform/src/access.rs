//! Who may do what. One check for all verbs.

use crate::Platform;
use model::{AccountId, Principal, PrincipalKind, Role, Scope};
use std::fmt;
use std::str::FromStr;

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Everyone who reaches the server, which therefore listens on loopback only.
    #[default]
    Open,
    /// Whoever has an access key, a password or a token.
    Required,
}

impl FromStr for AuthMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "required" => Ok(Self::Required),
            _ => Err(format!("--auth must be open or required, not {text:?}")),
        }
    }
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Required => f.write_str("required"),
        }
    }
}

/// What somebody is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Add points.
    Write,
    /// Ask for points, series or labels.
    Read,
    /// Change what is kept of an account, or who may come in to it. Admins of the server's own
    /// account may do it in every account.
    Manage,
    /// Change the server itself: move the clock, empty everything. Admins of the server's own
    /// account may, whatever the scope.
    Control,
}

impl Verb {
    fn role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Write => Role::Editor,
            Self::Manage | Self::Control => Role::Admin,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
            Self::Control => "control",
        }
    }
}

/// Somebody may not do what they asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{arn} may not {verb}: {why}", verb = verb.text())]
pub struct AccessError {
    arn: String,
    verb: Verb,
    why: String,
}

impl AccessError {
    /// Returns who may not, as AWS writes it.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Returns why, as the end of a sentence.
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// Checks that `who` may do `verb` in `scope`; `home` is the server's own account.
pub(crate) fn check(
    auth: AuthMode,
    home: AccountId,
    who: &Principal,
    scope: &Scope,
    verb: Verb,
) -> Result<(), AccessError> {
    let refused = |why: String| Err(AccessError { arn: who.arn(), verb, why });
    if who.kind == PrincipalKind::Open && auth == AuthMode::Required {
        return refused("the request does not say who it is".into());
    }
    // Everybody's own is the server where everyone may come in.
    let everywhere = match verb {
        Verb::Read | Verb::Write => false,
        Verb::Manage => who.account == home,
        Verb::Control => auth == AuthMode::Open || who.account == home,
    };
    if verb == Verb::Control && !everywhere {
        return refused(format!("the server belongs to account {home}"));
    }
    if who.account != scope.account && !everywhere {
        return refused(format!("account {} is not its own", scope.account));
    }
    if who.role < verb.role() {
        let needed = verb.role();
        return refused(format!("the role {} does not include what {needed} may", who.role));
    }
    Ok(())
}

impl Platform {
    /// Checks that `who` may do `verb` in `scope`. Nobody leaves their own account, but admins of
    /// the server's own manage all.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn check(&self, who: &Principal, scope: &Scope, verb: Verb) -> Result<(), AccessError> {
        check(self.auth, self.default_scope.account, who, scope, verb)
    }

    /// Returns who may come in.
    pub fn auth(&self) -> AuthMode {
        self.auth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [Verb; 4] = [Verb::Read, Verb::Write, Verb::Manage, Verb::Control];

    fn who(kind: PrincipalKind, account: &str, role: Role) -> Principal {
        let account = account.parse().unwrap();
        Principal { kind, key_id: "k".into(), name: "n".into(), account, role }
    }

    fn allowed(auth: AuthMode, who: &Principal, account: &str) -> String {
        let home = AccountId::DEFAULT;
        let scope = Scope { account: account.parse().unwrap(), region: "r".into() };
        let may = VERBS.iter().filter(|verb| check(auth, home, who, &scope, **verb).is_ok());
        may.map(|verb| verb.text()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_role_may_what_its_table_says() {
        let (home, other) = ("000000000000", "123456789012");
        let required = AuthMode::Required;
        for (role, may) in [
            (Role::Viewer, "read"),
            (Role::Editor, "read write"),
            (Role::Admin, "read write manage"),
        ] {
            for kind in [PrincipalKind::AccessKey, PrincipalKind::User, PrincipalKind::Token] {
                assert_eq!(allowed(required, &who(kind, other, role), other), may);
                let elsewhere = if role == Role::Admin { "manage control" } else { "" };
                assert_eq!(allowed(required, &who(kind, other, role), home), "");
                assert_eq!(allowed(required, &who(kind, home, role), other), elsewhere);
            }
        }
    }

    #[test]
    fn whoever_did_not_say_who_they_are_may_nothing_where_it_is_required() {
        let nobody = Principal::open("", AccountId::DEFAULT);
        assert_eq!(allowed(AuthMode::Required, &nobody, "000000000000"), "");
        assert_eq!(allowed(AuthMode::Open, &nobody, "000000000000"), "read write manage control");
        assert_eq!(allowed(AuthMode::Open, &nobody, "123456789012"), "manage control");
    }

    #[test]
    fn refusals_say_who_and_why() {
        let viewer = who(PrincipalKind::User, "123456789012", Role::Viewer);
        let scope = Scope { account: viewer.account, region: "r".into() };
        let error = check(AuthMode::Required, AccountId::DEFAULT, &viewer, &scope, Verb::Write);
        let text = error.unwrap_err().to_string();
        assert_eq!(
            text,
            "arn:aws:iam::123456789012:user/n may not write: the role viewer does not include what \
             editor may"
        );
    }
}
