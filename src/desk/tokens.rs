//! Who may use the API, and for what.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Desk, DeskError, Result, local};
use crate::{
    config::FieldProblem,
    net::clock,
    store::{self, Id, StoreError, Subject},
};

/// What a token begins with, so that scanners for secrets know it.
pub(super) const PREFIX: &str = "ql_";
/// Random bytes of a token.
pub(super) const BYTES: usize = 32;
/// Longest name of a token.
const MAX_NAME: usize = 64;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Something that a token allows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope {
            $($(#[$doc])* $name,)+
        }

        impl Scope {
            /// All.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

scopes! {
    /// See assistants and their versions.
    AssistantsRead = "assistants:read",
    /// Write and publish them.
    AssistantsWrite = "assistants:write",
    /// See numbers and what they are used for.
    NumbersRead = "numbers:read",
    /// Assign them.
    NumbersWrite = "numbers:write",
    /// Buy them: costs money.
    NumbersBuy = "numbers:buy",
    /// See calls, with what was said in them.
    CallsRead = "calls:read",
    /// End calls, and place them: costs money.
    CallsWrite = "calls:write",
    /// See texts.
    TextsRead = "texts:read",
    /// Write texts: costs money.
    TextsWrite = "texts:write",
    /// Change the server's settings, such as the carrier's account; let the doctor look.
    Settings = "settings",
    /// Make and revoke tokens, and see the audit trail.
    Tokens = "tokens",
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Self::ALL.iter().copied().find(|scope| scope.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scope| scope.name()).collect();
            format!("no scope is called {text:?}; there are {}, and * for all", names.join(", "))
        })
    }
}

/// Who does something, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// For the audit trail: a token's name, or `this machine`.
    pub name: String,
    /// The token's id, if it is one.
    pub token: Option<Id>,
    /// What they may.
    pub scopes: Vec<Scope>,
}

impl Actor {
    /// Somebody with access to the store itself.
    #[must_use]
    pub fn this_machine() -> Self {
        Self { name: "this machine".to_owned(), token: None, scopes: Scope::ALL.to_vec() }
    }

    /// Whether this is allowed.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// A token that was just made: the only time that it can be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What is shown to the API.
    pub secret: String,
    /// What is kept of it.
    pub token: store::Token,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Scopes by their names; `*` is all of them.
///
/// # Errors
///
/// Each name that is none, by its place.
pub fn scopes(names: &[String]) -> std::result::Result<Vec<Scope>, Vec<FieldProblem>> {
    let mut scopes = Vec::new();
    let mut wrong = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match name.as_str() {
            "*" => scopes.extend(Scope::ALL),
            name => match name.parse() {
                Ok(scope) => scopes.push(scope),
                Err(message) => wrong.push(FieldProblem { path: format!("scopes[{place}]"), message }),
            },
        }
    }
    if names.is_empty() {
        let message = "a token without scopes may do nothing: give at least one, or *".to_owned();
        wrong.push(FieldProblem { path: "scopes".to_owned(), message });
    }
    scopes.sort_unstable();
    scopes.dedup();
    if wrong.is_empty() { Ok(scopes) } else { Err(wrong) }
}

impl Desk {
    /// Makes a token, good for so long.
    ///
    /// # Errors
    ///
    /// A name in use, or none; scopes that are none; or ones that the actor does not have itself.
    pub async fn create_token(
        &self,
        actor: &Actor,
        name: &str,
        names: &[String],
        lifetime_s: Option<u64>,
    ) -> Result<NewToken> {
        let scopes = scopes(names).map_err(DeskError::Invalid)?;
        let length = name.chars().count();
        if name.trim() != name || length == 0 || length > MAX_NAME || name.contains(char::is_control) {
            let message = format!("expected 1 to {MAX_NAME} characters without spaces around them");
            return Err(DeskError::Invalid(vec![FieldProblem { path: "name".to_owned(), message }]));
        }
        if let Some(more) = scopes.iter().find(|scope| !actor.may(**scope)) {
            let message = format!("{more} cannot be given by somebody who does not have it");
            return Err(DeskError::Invalid(vec![FieldProblem { path: "scopes".to_owned(), message }]));
        }
        let secret = local::secret().map_err(|error| DeskError::Fault(error.to_string()))?;
        let now_ms = clock::unix_ms() as i64;
        let lifetime_ms = lifetime_s.map(|s| i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX));
        let token = store::Token {
            id: Id::new("tk"),
            name: name.to_owned(),
            hash: hash(&secret),
            scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
            created_ms: now_ms,
            expires_ms: lifetime_ms.map(|lifetime| now_ms.saturating_add(lifetime)),
            used_ms: None,
            revoked_ms: None,
        };
        self.store.create_token(&token).await?;
        self.audit(actor, "token.create", token.id.as_str(), serde_json::json!({"name": name, "scopes": token.scopes}))
            .await?;
        Ok(NewToken { secret, token })
    }

    /// Who shows this token. `None`: nobody we know, or no longer.
    ///
    /// # Errors
    ///
    /// Only if the store does not answer.
    pub async fn actor(&self, secret: &str) -> Result<Option<Actor>> {
        if !secret.starts_with(PREFIX) || secret.len() > 2 * BYTES {
            return Ok(None);
        }
        let hash = hash(secret);
        if bool::from(self.facts.local.ct_eq(&hash)) {
            return Ok(Some(Actor::this_machine()));
        }
        let token = match self.store.token(&hash).await {
            Ok(token) => token,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let now_ms = clock::unix_ms() as i64;
        if token.revoked_ms.is_some() || token.expires_ms.is_some_and(|expires| expires <= now_ms) {
            return Ok(None);
        }
        self.store.touch_token(&token.id, now_ms).await?;
        // A scope that a later version has no more allows nothing.
        let scopes = token.scopes.iter().filter_map(|name| name.parse().ok()).collect();
        Ok(Some(Actor { name: token.name, token: Some(token.id), scopes }))
    }

    /// All tokens.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn tokens(&self) -> Result<Vec<store::Token>> {
        Ok(self.store.tokens().await?)
    }

    /// The token, by id or name, is no longer good.
    ///
    /// # Errors
    ///
    /// If there is none that is still good.
    pub async fn revoke_token(&self, actor: &Actor, which: &str) -> Result<()> {
        let tokens = self.store.tokens().await?;
        let good = tokens.iter().filter(|token| token.revoked_ms.is_none());
        let found = good.into_iter().find(|token| token.id.as_str() == which || token.name == which);
        let token = found.ok_or_else(|| DeskError::missing(Subject::Token.name(), which))?;
        self.store.revoke_token(&token.id, clock::unix_ms() as i64).await?;
        self.audit(actor, "token.revoke", token.id.as_str(), serde_json::json!({"name": token.name})).await
    }
}

pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_named_and_star_is_all() {
        let names = |names: &[&str]| scopes(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["*", "settings"]).unwrap(), Scope::ALL);
        assert_eq!(names(&["calls:read"]).unwrap(), [Scope::CallsRead]);
        let wrong = names(&["calls:read", "call:write"]).unwrap_err();
        assert_eq!(wrong[0].path, "scopes[1]");
        assert!(wrong[0].message.contains("calls:write"), "{}", wrong[0].message);
        assert_eq!(names(&[]).unwrap_err()[0].path, "scopes");
    }
}
