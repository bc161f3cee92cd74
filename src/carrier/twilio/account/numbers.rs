use serde::{Deserialize, Deserializer, Serialize};

use super::{AccountSid, Request, with_query};
use crate::wire::Method;

/// Most numbers on a page.
const PAGE_SIZE: u32 = 200;

/// A number of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Number {
    /// `PN…`.
    pub sid: String,
    /// E.164.
    pub phone_number: String,
    /// For people.
    #[serde(default, deserialize_with = "or_default")]
    pub friendly_name: String,
    /// What it can do.
    #[serde(default, deserialize_with = "or_default")]
    pub capabilities: Capabilities,
    /// What happens when somebody calls or texts.
    #[serde(flatten)]
    pub settings: NumberSettings,
}

/// What a number can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Calls.
    #[serde(deserialize_with = "or_default", alias = "Voice")]
    pub voice: bool,
    /// Texts.
    #[serde(deserialize_with = "or_default", alias = "SMS")]
    pub sms: bool,
    /// Texts with pictures.
    #[serde(deserialize_with = "or_default", alias = "MMS")]
    pub mms: bool,
}

fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident = $form:literal),+ $(,)?) => {
        /// What the carrier is told to do when somebody calls or texts a number; empty: nothing.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct NumberSettings {
            $($(#[$doc])* #[serde(deserialize_with = "or_default")] pub $field: String,)+
        }

        impl NumberSettings {
            /// As a form: every field, so that what is empty is cleared.
            fn form(&self) -> Vec<(&'static str, String)> {
                vec![$(($form, self.$field.clone())),+]
            }

            /// The fields that are not the same, by name: ours and theirs.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
                let mut differences = Vec::new();
                $(if self.$field != other.$field {
                    differences.push((stringify!($field), self.$field.clone(), other.$field.clone()));
                })+
                differences
            }
        }
    };
}

settings! {
    /// Asked when somebody calls.
    voice_url = "VoiceUrl",
    /// `GET` or `POST`.
    voice_method = "VoiceMethod",
    /// Asked when that fails.
    voice_fallback_url = "VoiceFallbackUrl",
    /// `GET` or `POST`.
    voice_fallback_method = "VoiceFallbackMethod",
    /// Told when a call has ended.
    status_callback = "StatusCallback",
    /// `GET` or `POST`.
    status_callback_method = "StatusCallbackMethod",
    /// Stands above the voice addresses.
    voice_application_sid = "VoiceApplicationSid",
    /// Stands above them too.
    trunk_sid = "TrunkSid",
    /// Asked when somebody texts.
    sms_url = "SmsUrl",
    /// `GET` or `POST`.
    sms_method = "SmsMethod",
    /// Asked when that fails.
    sms_fallback_url = "SmsFallbackUrl",
    /// `GET` or `POST`.
    sms_fallback_method = "SmsFallbackMethod",
    /// Stands above the addresses for texts.
    sms_application_sid = "SmsApplicationSid",
}

impl NumberSettings {
    /// As they were kept; what cannot be read counts as empty.
    #[must_use]
    pub fn deserialized(kept: &serde_json::Value) -> Self {
        Self::deserialize(kept).unwrap_or_default()
    }
}

/// All numbers of the account, a page at a time ([`super::page`], `incoming_phone_numbers`); or the one.
#[must_use]
pub fn numbers(account: AccountSid, e164: Option<&str>) -> Request {
    let mut query = vec![("PageSize", PAGE_SIZE.to_string())];
    query.extend(e164.map(|number| ("PhoneNumber", number.to_owned())));
    let path = with_query(&format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json"), &query);
    Request { method: Method::Get, path, form: Vec::new() }
}

/// One number, by its `PN…`.
#[must_use]
pub fn number(account: AccountSid, sid: &str) -> Request {
    Request { method: Method::Get, path: one(account, sid), form: Vec::new() }
}

/// Tells the carrier what to do when somebody calls or texts the number: everything, what is empty is cleared.
#[must_use]
pub fn point(account: AccountSid, sid: &str, settings: &NumberSettings) -> Request {
    Request { method: Method::Post, path: one(account, sid), form: settings.form() }
}

fn one(account: AccountSid, sid: &str) -> String {
    // An id of the carrier's own; whatever else it may be stays one segment.
    let sid: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json")
}

/// Kinds of numbers for sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AvailableKind {
    /// Of a place.
    #[default]
    Local,
    /// Free for the caller.
    TollFree,
    /// Of mobile telephones.
    Mobile,
}

impl AvailableKind {
    /// All.
    pub const ALL: [Self; 3] = [Self::Local, Self::TollFree, Self::Mobile];

    /// As the carrier calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::TollFree => "TollFree",
            Self::Mobile => "Mobile",
        }
    }
}

/// What number is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Two letters, ISO 3166.
    pub country: String,
    /// What kind.
    pub kind: AvailableKind,
    /// Three digits, United States and Canada only.
    pub area_code: Option<String>,
    /// Digits, letters and `*` that it holds.
    pub contains: Option<String>,
    /// State or province, two letters.
    pub region: Option<String>,
    /// It must take calls.
    pub voice: bool,
    /// It must take texts.
    pub sms: bool,
}

/// A number for sale.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Available {
    /// E.164.
    pub phone_number: String,
    /// For people.
    #[serde(default, deserialize_with = "or_default")]
    pub friendly_name: String,
    /// Its place.
    #[serde(default, deserialize_with = "or_default")]
    pub locality: String,
    /// Its state or province.
    #[serde(default, deserialize_with = "or_default")]
    pub region: String,
    /// What it can do.
    #[serde(default, deserialize_with = "or_default")]
    pub capabilities: Capabilities,
}

/// Numbers for sale ([`super::page`], `available_phone_numbers`).
#[must_use]
pub fn available(account: AccountSid, search: &Search) -> Request {
    let country: String = search.country.chars().filter(char::is_ascii_alphabetic).take(2).collect();
    let country = country.to_ascii_uppercase();
    let kind = search.kind.name();
    let mut query = vec![("PageSize", "30".to_owned())];
    query.extend(search.area_code.clone().map(|code| ("AreaCode", code)));
    query.extend(search.contains.clone().map(|part| ("Contains", part)));
    query.extend(search.region.clone().map(|region| ("InRegion", region)));
    query.extend(search.voice.then(|| ("VoiceEnabled", "true".to_owned())));
    query.extend(search.sms.then(|| ("SmsEnabled", "true".to_owned())));
    let path = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/{kind}.json");
    Request { method: Method::Get, path: with_query(&path, &query), form: Vec::new() }
}

/// Buys a number, which costs money: never to be repeated unless it is known that it was not done.
#[must_use]
pub fn buy(account: AccountSid, e164: &str) -> Request {
    let path = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json");
    Request { method: Method::Post, path, form: vec![("PhoneNumber", e164.to_owned())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_whatever_is_null() {
        let text = r#"{"sid": "PN1", "phone_number": "+15550000001", "friendly_name": null, "voice_url": "https://a.example/",
                       "sms_url": null, "trunk_sid": "TK1", "capabilities": {"voice": true, "SMS": true, "mms": null}, "new": 1}"#;
        let number: Number = serde_json::from_str(text).unwrap();
        assert_eq!(number.settings.voice_url, "https://a.example/");
        assert_eq!((number.settings.sms_url.as_str(), number.settings.trunk_sid.as_str()), ("", "TK1"));
        assert_eq!(number.capabilities, Capabilities { voice: true, sms: true, mms: false });
    }

    #[test]
    fn pointing_says_everything_and_clears_the_rest() {
        let account = "AC0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c".parse().unwrap();
        let settings = NumberSettings { voice_url: "https://a.example/x".into(), ..NumberSettings::default() };
        let request = point(account, "PN1/../x", &settings);
        assert!(request.path.ends_with("/IncomingPhoneNumbers/PN1x.json"), "{}", request.path);
        assert!(request.form.contains(&("TrunkSid", String::new())));
        assert!(request.form.contains(&("VoiceUrl", "https://a.example/x".into())));
        let differences = settings.differences(&NumberSettings::default());
        assert_eq!(differences, [("voice_url", "https://a.example/x".into(), String::new())]);
    }
}
