//! Accounts with vendors of models and voices.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use secrecy::ExposeSecret;
use toml::Spanned;

use super::{
    Account,
    error::Problem,
    file::{ElevenLabsTable, Names, OpenAiTable, Value},
    reader::Reader,
    secret::{self, Secret},
};
use crate::{model::openai, tts::elevenlabs};

/// The variables that make an account when there is no file; where there is one, those of the keys are the ones that
/// are read if it names none.
const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";
const ELEVENLABS_API_KEY: &str = "ELEVENLABS_API_KEY";
const ELEVENLABS_BASE_URL: &str = "ELEVENLABS_BASE_URL";

/// Longest id of an organization or project.
const MAX_ID: usize = 128;

impl Reader<'_> {
    /// The table `[openai]`.
    pub(super) fn openai(&mut self, table: &Spanned<OpenAiTable>) -> Option<Account<openai::Access>> {
        let (span, table) = (table.span(), table.get_ref());
        let key = self.api_key(&table.api_key_env, &table.api_key_file, OPENAI_API_KEY, &span);
        let auth = self.named(&table.auth, str::parse).unwrap_or_default();
        let (organization, project) =
            (self.id("organization", &table.organization), self.id("project", &table.project));
        let key = key?;
        let base_url = table.base_url.as_ref().map_or(openai::Access::BASE_URL, |url| url.get_ref());
        let access = openai::Access::new(base_url, key.value, auth);
        let mut access = access.map_err(|error| self.wrong_base_url(&table.base_url, &error)).ok()?;
        if let Some(id) = organization {
            access = access.organization(&id);
        }
        if let Some(id) = project {
            access = access.project(&id);
        }
        Some(Account { access: Arc::new(access), key_source: key.source })
    }

    /// The table `[elevenlabs]`.
    pub(super) fn elevenlabs(&mut self, table: &Spanned<ElevenLabsTable>) -> Option<Account<elevenlabs::Access>> {
        let (span, table) = (table.span(), table.get_ref());
        let key = self.api_key(&table.api_key_env, &table.api_key_file, ELEVENLABS_API_KEY, &span)?;
        let base_url = table.base_url.as_ref().map_or(elevenlabs::Access::BASE_URL, |url| url.get_ref());
        let access = elevenlabs::Access::new(base_url, key.value);
        let access = access.map_err(|error| self.wrong_base_url(&table.base_url, &error)).ok()?;
        Some(Account { access: Arc::new(access), key_source: key.source })
    }

    /// Without a file: what the vendor's own libraries look for as well.
    pub(super) fn openai_of_environment(&mut self) -> Option<Account<openai::Access>> {
        let key = self.key_of_environment(OPENAI_API_KEY)?;
        let base_url = self.variable(OPENAI_BASE_URL).unwrap_or_else(|| openai::Access::BASE_URL.to_owned());
        let access = openai::Access::new(&base_url, key.value, openai::Auth::default());
        let access =
            access.map_err(|error| self.problems.push(Problem::at(OPENAI_BASE_URL, error.to_string()))).ok()?;
        Some(Account { access: Arc::new(access), key_source: key.source })
    }

    /// Without a file: what the vendor's own libraries look for as well.
    pub(super) fn elevenlabs_of_environment(&mut self) -> Option<Account<elevenlabs::Access>> {
        let key = self.key_of_environment(ELEVENLABS_API_KEY)?;
        let base_url = self.variable(ELEVENLABS_BASE_URL).unwrap_or_else(|| elevenlabs::Access::BASE_URL.to_owned());
        let access = elevenlabs::Access::new(&base_url, key.value);
        let access =
            access.map_err(|error| self.problems.push(Problem::at(ELEVENLABS_BASE_URL, error.to_string()))).ok()?;
        Some(Account { access: Arc::new(access), key_source: key.source })
    }

    /// A key that travels unencrypted beyond this machine may be meant, within a network of one's own; it is told.
    pub(super) fn warn_about_plain_http(&mut self, vendor: &str, base_url: &str) {
        let Some(rest) = base_url.strip_prefix("http://") else { return };
        let host = rest.split('/').next().unwrap_or_default();
        let name = host.strip_prefix('[').and_then(|host| host.split(']').next());
        let name = name.unwrap_or_else(|| host.split(':').next().unwrap_or_default());
        let is_here = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_here {
            self.warnings.push(format!(
                "{vendor}'s base_url is {base_url}: the key, and all that is said, travel unencrypted; use https"
            ));
        }
    }

    /// There is a file; what the environment has of accounts is not taken for its tables.
    pub(super) fn warn_about_unused_keys(&mut self, openai: bool, elevenlabs: bool) {
        for (variable, table, is_there) in
            [(OPENAI_API_KEY, "openai", openai), (ELEVENLABS_API_KEY, "elevenlabs", elevenlabs)]
        {
            if !is_there && self.variable(variable).is_some() {
                let file = self.text.file.display();
                self.warnings.push(format!("{variable} is set, but {file} has no [{table}]: the account is not used"));
            }
        }
    }

    fn key_of_environment(&mut self, variable: &str) -> Option<Secret> {
        self.variable(variable)?;
        let key = secret::from_variable(variable, self.env).and_then(showable);
        key.map_err(|message| self.problems.push(Problem::at(variable, message))).ok()
    }

    /// The one key, from the variable or file that is named, else from the usual variable.
    fn api_key(
        &mut self,
        variable: &Value<Names>,
        file: &Value<Names>,
        usual: &str,
        table: &Range<usize>,
    ) -> Option<Secret> {
        let place = variable.as_ref().or(file.as_ref()).map_or_else(|| table.clone(), Spanned::span);
        let keys = if variable.is_none() && file.is_none() {
            match secret::from_variable(usual, self.env) {
                Ok(key) => vec![key],
                Err(message) => {
                    let message = format!("the key is missing: {message} (api_key_env), or name a file (api_key_file)");
                    self.wrong(place, message);
                    return None;
                }
            }
        } else {
            self.secrets(variable, file)
        };
        if keys.len() > 1 {
            self.wrong(place, "an account has one key: name one variable or one file");
            return None;
        }
        let key = keys.into_iter().next()?;
        showable(key).map_err(|message| self.wrong(place, message)).ok()
    }

    /// An id that travels in a header.
    fn id(&mut self, key: &str, value: &Value<String>) -> Option<String> {
        let value = value.as_ref()?;
        let id = value.get_ref();
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.wrong(value.span(), format!("{key} is no id: expected 1 to {MAX_ID} letters, digits and signs"));
            return None;
        }
        Some(id.clone())
    }

    fn wrong_base_url(&mut self, base_url: &Value<String>, error: &dyn std::error::Error) {
        if let Some(value) = base_url {
            self.wrong(value.span(), format!("base_url is {error}"));
        }
    }
}

/// What cannot stand in a header is no key.
fn showable(key: Secret) -> Result<Secret, String> {
    if key.value.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key)
    } else {
        Err(format!("{} holds letters that no key has: expected the key only", key.source))
    }
}
