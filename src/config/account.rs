//! The carrier's account: who we are, what requests are signed with, how REST is reached.

use std::ops::Range;

use secrecy::ExposeSecret;
use toml::Spanned;

use super::{
    KeySource, PublicUrl, RestAccess, Twilio,
    error::{Problem, Show},
    file::{Names, RestTable, TwilioTable, Value},
    reader::Reader,
    secret::{self, Secret},
};
use crate::carrier::twilio::{
    AccountSid, rest,
    sid::SID_LENGTH,
    signature::{EmptyKey, Key},
};

/// The variables that make an account when there is no file.
const ACCOUNT_SID: &str = "TWILIO_ACCOUNT_SID";
const AUTH_TOKEN: &str = "TWILIO_AUTH_TOKEN";
const API_BASE_URL: &str = "TWILIO_API_BASE_URL";

impl Reader<'_> {
    /// The table `[twilio]`.
    pub(super) fn twilio(&mut self, table: &Spanned<TwilioTable>) -> Option<Twilio> {
        let (span, table) = (table.span(), table.get_ref());
        let account = match &table.account_sid {
            Some(sid) => match sid.get_ref().parse::<AccountSid>() {
                Ok(account) => Some(account),
                Err(error) => {
                    self.wrong(sid.span(), format!("account_sid is {error}"));
                    None
                }
            },
            None => {
                self.wrong(span.clone(), "account_sid is missing: write the account's SID (AC…) under [twilio]");
                None
            }
        };
        let before = self.problems.len();
        let tokens = self.secrets(&table.auth_token_env, &table.auth_token_file);
        let shared = self.secrets(&table.shared_key_env, &table.shared_key_file);
        if tokens.is_empty() && shared.is_empty() && self.problems.len() == before {
            self.wrong(
                span.clone(),
                "the auth token is missing: name a variable (auth_token_env = \"TWILIO_AUTH_TOKEN\") or a file \
                 (auth_token_file = \"/run/secrets/twilio_auth_token\") under [twilio]",
            );
        }
        let rest = self.rest(&table.rest, account, tokens.first(), &span);
        let keys = tokens.iter().map(|secret| (secret, false)).chain(shared.iter().map(|secret| (secret, true)));
        let (keys, key_sources) = keys.filter_map(|(secret, is_shared)| key(secret, is_shared).ok()).unzip();
        Some(Twilio { account: account?, keys, key_sources, rest: rest? })
    }

    /// Without a file: what the vendor's own tools look for as well.
    pub(super) fn twilio_of_environment(&mut self) -> Option<Twilio> {
        let (sid, token) = (self.variable(ACCOUNT_SID), self.variable(AUTH_TOKEN));
        let (sid, _) = match (sid, token) {
            (None, None) => {
                self.warn_about_no_account();
                return None;
            }
            (Some(sid), Some(token)) => (sid, token),
            (Some(_), None) => return self.missing(AUTH_TOKEN, ACCOUNT_SID),
            (None, Some(_)) => return self.missing(ACCOUNT_SID, AUTH_TOKEN),
        };
        let account = sid.parse::<AccountSid>();
        if let Err(error) = &account {
            self.problems.push(Problem::at(ACCOUNT_SID, error.to_string()));
        }
        let token = secret::from_variable(AUTH_TOKEN, self.env);
        let token = token.map_err(|message| self.problems.push(Problem::at(AUTH_TOKEN, message))).ok()?;
        let base_url = match self.variable(API_BASE_URL) {
            Some(url) => match rest_base_url(&url) {
                Ok(url) => url,
                Err(message) => {
                    self.problems.push(Problem::at(API_BASE_URL, message));
                    return None;
                }
            },
            None => default_base_url(),
        };
        let account = account.ok()?;
        let (key, key_source) = key(&token, false).ok()?;
        let rest =
            RestAccess { base_url, user: account.to_string(), password: token.value, password_source: token.source };
        Some(Twilio { account, keys: vec![key], key_sources: vec![key_source], rest })
    }

    /// Where REST is for an account that is entered later.
    pub(super) fn rest_base_url_of_environment(&self) -> String {
        // One that is wrong is told where it is used.
        self.variable(API_BASE_URL).unwrap_or_else(default_base_url)
    }

    /// There is a file without `[twilio]`; what the environment has of an account is not taken for it.
    pub(super) fn warn_about_unused_account(&mut self) {
        if self.variable(ACCOUNT_SID).is_some() {
            let file = self.text.file.display();
            self.warnings.push(format!("{ACCOUNT_SID} is set, but {file} has no [twilio]: the account is not used"));
        } else {
            self.warn_about_no_account();
        }
    }

    fn warn_about_no_account(&mut self) {
        self.warnings.push("no Twilio account is configured: no call can come in".to_owned());
    }

    fn missing(&mut self, missing: &str, set: &str) -> Option<Twilio> {
        let message = format!("not set, but {set} is: set both, or neither");
        self.problems.push(Problem::at(missing, message));
        None
    }

    fn rest(
        &mut self,
        table: &RestTable,
        account: Option<AccountSid>,
        token: Option<&Secret>,
        twilio: &Range<usize>,
    ) -> Option<RestAccess> {
        let base_url = match &table.base_url {
            Some(url) => {
                rest_base_url(url.get_ref()).map_err(|message| self.wrong(url.span(), message)).unwrap_or_default()
            }
            None => default_base_url(),
        };
        let place = table.api_key_secret_env.as_ref().or(table.api_key_secret_file.as_ref());
        let place = place.map_or_else(|| twilio.clone(), Spanned::span);
        let before = self.problems.len();
        let secrets = self.secrets(&table.api_key_secret_env, &table.api_key_secret_file);
        if secrets.len() > 1 {
            self.wrong(place.clone(), "an API key has one secret: name one variable or one file");
        }
        let secret_is_fine = self.problems.len() == before;
        let (user, secret) = match (&table.api_key_sid, secrets.into_iter().next()) {
            (None, None) => (account?.to_string(), token.cloned()),
            (Some(sid), secret) => {
                if !is_api_key(sid.get_ref()) {
                    self.wrong(sid.span(), "api_key_sid is no API key's SID: expected SK and 32 hexadecimal digits");
                }
                if secret.is_none() && secret_is_fine {
                    self.wrong(
                        sid.span(),
                        "api_key_sid has no secret: name it with api_key_secret_env or api_key_secret_file",
                    );
                }
                (sid.get_ref().clone(), Some(secret?))
            }
            (None, Some(_)) => {
                self.wrong(place, "api_key_sid is missing: an API key is its SID (SK…) and its secret");
                return None;
            }
        };
        let Some(secret) = secret else {
            if secret_is_fine && self.problems.is_empty() {
                self.wrong(
                    twilio.clone(),
                    "calls cannot be ended without access to REST: name an auth token, or write api_key_sid and \
                     api_key_secret_env under [twilio.rest]",
                );
            }
            return None;
        };
        Some(RestAccess { base_url, user, password: secret.value, password_source: secret.source })
    }

    /// Reads the secrets that variables and files hold.
    pub(super) fn secrets(&mut self, variables: &Value<Names>, files: &Value<Names>) -> Vec<Secret> {
        let mut found = Vec::new();
        if let Some(names) = variables {
            self.read_secrets(names, secret::is_variable, IS_NO_VARIABLE, |reader, name| {
                found.push(secret::from_variable(name, reader.env)?);
                Ok(())
            });
        }
        if let Some(names) = files {
            self.read_secrets(names, secret::is_path, IS_NO_PATH, |_, path| {
                found.push(secret::from_file(path.as_ref())?);
                Ok(())
            });
        }
        found
    }

    fn read_secrets(
        &mut self,
        names: &Spanned<Names>,
        is_name: fn(&str) -> bool,
        is_none: &str,
        mut read: impl FnMut(&Self, &str) -> Result<(), String>,
    ) {
        let (span, names) = (names.span(), &names.get_ref().0);
        if names.is_empty() {
            self.wrong(span, "the list is empty: name at least one, or leave the key out");
            return;
        }
        if !names.iter().all(|name| is_name(name)) {
            // Perhaps the secret itself: it is not shown.
            self.problems.push(self.text.problem(span, Show::Before, is_none));
            return;
        }
        for name in names {
            if let Err(message) = read(self, name) {
                self.problems.push(self.text.problem(span.clone(), Show::Name, message));
            }
        }
    }
}

const IS_NO_VARIABLE: &str = "this is not the name of an environment variable: expected capital letters, digits and _, \
                              such as TWILIO_AUTH_TOKEN; the secret itself must not stand in this file";
const IS_NO_PATH: &str = "this is not the path of a secret's file: expected a path that begins with /, ./ or ../, such \
                          as /run/secrets/twilio_auth_token; the secret itself must not stand in this file";

fn key(secret: &Secret, is_shared: bool) -> Result<(Key, KeySource), EmptyKey> {
    let value = secret.value.expose_secret();
    let key = if is_shared { Key::shared(value) } else { Key::auth_token(value) }?;
    Ok((key, KeySource { is_shared, source: secret.source.clone() }))
}

fn default_base_url() -> String {
    format!("https://{}", rest::HOST)
}

/// Where REST is, as it may be configured: scheme and host, https unless it is this machine.
///
/// # Errors
///
/// What was expected.
pub fn rest_base_url(text: &str) -> Result<String, String> {
    let url: PublicUrl = text.parse().map_err(|error| format!("base_url {error}"))?;
    if url.prefix().is_empty() {
        Ok(url.as_str().to_owned())
    } else {
        Err(format!("base_url must end with the host: expected something like {}", default_base_url()))
    }
}

fn is_api_key(sid: &str) -> bool {
    sid.len() == SID_LENGTH
        && sid.strip_prefix("SK").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
