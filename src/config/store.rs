//! The store, the webhook at a call's end, and secrets for intents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64_simd::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use toml::Spanned;

use super::{
    error::Problem,
    file::{SecretTable, StoreTable, WebhookTable},
    reader::Reader,
};

/// The SQLite file's name, where none is configured.
const FILE: &str = "quietline.db";
/// Longest time that records of calls are kept, in days; 0 is for ever.
const KEEP_DAYS: (u32, u32) = (0, 36_500);
/// What a webhook's secret begins with.
const WHSEC: &str = "whsec_";
/// Fewest and most bytes of it, by the Standard Webhooks specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Where all that outlives the process is kept.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Which database.
    pub choice: StoreChoice,
    /// Records of calls are kept for so many days: `keep_calls_days`, from 0 to 36,500, default 0: for ever.
    pub keep_calls_days: u32,
    /// What was said is kept with them: `keep_transcripts`, default on.
    pub keep_transcripts: bool,
}

/// Which database.
#[derive(Clone, Debug)]
pub enum StoreChoice {
    /// A file of its own: `path`. Default: `quietline.db` in the folder that the service manager names (`STATE_DIRECTORY`),
    /// else in the working directory.
    Sqlite(PathBuf),
    /// A server: `database_url_env` or `database_url_file`, because the address holds a password.
    Postgres(SecretString),
}

/// Where calls that are over are told.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// `url`.
    pub url: String,
    /// `secret_env` or `secret_file`: `whsec_` and base64; decoded.
    pub secret: SecretSlice<u8>,
}

impl Reader<'_> {
    /// The table `[store]`.
    pub(super) fn store(&mut self, table: &StoreTable) -> StoreSettings {
        let days = table.keep_calls_days.as_ref().and_then(|value| self.whole("keep_calls_days", value, KEEP_DAYS));
        let urls = self.secrets(&table.database_url_env, &table.database_url_file);
        let choice = match (urls.into_iter().next(), &table.path) {
            (Some(_), Some(path)) => {
                self.wrong(
                    path.span(),
                    "the store is a file (path) or a server (database_url_…): leave one of them out",
                );
                None
            }
            (Some(url), None) => {
                let text = url.value.expose_secret();
                if text.starts_with("postgres://") || text.starts_with("postgresql://") {
                    Some(StoreChoice::Postgres(url.value))
                } else {
                    let message = "the database's address does not begin with postgres://";
                    self.problems.push(Problem::at(&url.source, message));
                    None
                }
            }
            (None, Some(path)) if path.get_ref().trim().is_empty() => {
                self.wrong(path.span(), "path is empty: expected a file's path, or leave the key out");
                None
            }
            (None, Some(path)) => Some(StoreChoice::Sqlite(PathBuf::from(path.get_ref()))),
            (None, None) => None,
        };
        let usual = || {
            let folder = self.variable("STATE_DIRECTORY");
            // systemd names several, with colons between them.
            let folder = folder.as_deref().and_then(|folders| folders.split(':').next()).unwrap_or_default();
            StoreChoice::Sqlite(PathBuf::from(folder).join(FILE))
        };
        StoreSettings {
            choice: choice.unwrap_or_else(usual),
            keep_calls_days: days.unwrap_or(0),
            keep_transcripts: table.keep_transcripts.unwrap_or(true),
        }
    }

    /// The table `[webhook]`.
    pub(super) fn webhook(&mut self, table: &Spanned<WebhookTable>) -> Option<Webhook> {
        let (span, table) = (table.span(), table.get_ref());
        let url = match &table.url {
            Some(url) => {
                let parsed = url::Url::parse(url.get_ref()).ok();
                let good = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                if !good {
                    self.wrong(url.span(), "url is no address: expected something like https://example.com/quietline");
                }
                good.then(|| url.get_ref().clone())
            }
            None => {
                self.wrong(span.clone(), "url is missing: write where calls are told, or leave [webhook] out");
                None
            }
        };
        let before = self.problems.len();
        let secret = self.secrets(&table.secret_env, &table.secret_file).into_iter().next();
        let Some(secret) = secret else {
            if self.problems.len() == before {
                self.wrong(
                    span,
                    "the secret is missing: name a variable (secret_env) or a file (secret_file) with whsec_…",
                );
            }
            return None;
        };
        let text = secret.value.expose_secret();
        let bytes = text.strip_prefix(WHSEC).and_then(|text| BASE64.decode_to_vec(text).ok());
        match bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len())) {
            Some(bytes) => Some(Webhook { url: url?, secret: SecretSlice::from(bytes) }),
            None => {
                let message = "not a webhook's secret: expected whsec_ and 24 to 64 bytes in base64, such as \
                               `echo whsec_$(openssl rand -base64 32)` makes";
                self.problems.push(Problem::at(&secret.source, message));
                None
            }
        }
    }

    /// The tables `[secrets]`.
    pub(super) fn secret_values(
        &mut self,
        tables: &BTreeMap<String, Spanned<SecretTable>>,
    ) -> BTreeMap<String, SecretString> {
        let mut values = BTreeMap::new();
        for (name, table) in tables {
            if !crate::model::Tool::is_valid_name(name) {
                self.wrong(table.span(), "not a secret's name: expected 1 to 64 letters, digits, _ and -");
            }
            let before = self.problems.len();
            match self.secrets(&table.get_ref().env, &table.get_ref().file).into_iter().next() {
                Some(secret) => drop(values.insert(name.clone(), secret.value)),
                None if self.problems.len() == before => {
                    self.wrong(
                        table.span(),
                        "where the secret is, is missing: { env = \"NAME\" } or { file = \"/run/secrets/…\" }",
                    );
                }
                None => {}
            }
        }
        values
    }
}
