//! The account's REST: itself, its numbers, and numbers for sale.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Uri},
    response::Response,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    check,
    clock::WallTime,
    lab::Shared,
    rest::{Refusal, answer, credentials},
};

/// Numbers on a page, unless a request asks for another size: small, so that whoever reads only the first one is found out.
const PAGE_SIZE: usize = 2;
/// Fields of a number that a form sets, as the form and as the resource call them.
const FIELDS: [(&str, &str); 14] = [
    ("FriendlyName", "friendly_name"),
    ("VoiceUrl", "voice_url"),
    ("VoiceMethod", "voice_method"),
    ("VoiceFallbackUrl", "voice_fallback_url"),
    ("VoiceFallbackMethod", "voice_fallback_method"),
    ("StatusCallback", "status_callback"),
    ("StatusCallbackMethod", "status_callback_method"),
    ("VoiceApplicationSid", "voice_application_sid"),
    ("TrunkSid", "trunk_sid"),
    ("SmsUrl", "sms_url"),
    ("SmsMethod", "sms_method"),
    ("SmsFallbackUrl", "sms_fallback_url"),
    ("SmsFallbackMethod", "sms_fallback_method"),
    ("SmsApplicationSid", "sms_application_sid"),
];

/// A number of the account.
#[derive(Clone, Debug, PartialEq)]
pub struct LabNumber {
    /// E.164.
    pub e164: String,
    /// What it was set to before: fields as the resource calls them, such as `voice_url`.
    pub settings: Map<String, Value>,
}

impl LabNumber {
    /// One for which nothing is set.
    #[must_use]
    pub fn new(e164: &str) -> Self {
        Self { e164: e164.to_owned(), settings: Map::new() }
    }

    /// … but for this.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        self.settings.insert(field.to_owned(), value.into());
        self
    }
}

/// What the account owns, and what can be bought.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    owned: Mutex<Vec<Value>>,
    for_sale: Mutex<Vec<String>>,
    /// Answers to purchases are lost after the deed.
    lose_answers: Mutex<bool>,
}

impl Numbers {
    pub(super) fn new(numbers: &[LabNumber], for_sale: &[String], account: &str) -> Self {
        let owned = numbers.iter().enumerate().map(|(place, number)| {
            let mut resource = resource(account, &number.e164, place);
            for (field, value) in &number.settings {
                resource[field] = value.clone();
            }
            resource
        });
        Self {
            owned: Mutex::new(owned.collect()),
            for_sale: Mutex::new(for_sale.to_vec()),
            lose_answers: Mutex::new(false),
        }
    }

    /// What is set for a number.
    pub(super) fn settings(&self, e164: &str) -> Option<Value> {
        locked(&self.owned).iter().find(|number| number["phone_number"] == e164).cloned()
    }

    /// Somebody changes a number's setting in the vendor's console.
    pub(super) fn set(&self, e164: &str, field: &str, value: &str) {
        let mut owned = locked(&self.owned);
        if let Some(number) = owned.iter_mut().find(|number| number["phone_number"] == e164) {
            number[field] = value.into();
        }
    }

    pub(super) fn lose_answers(&self, lose: bool) {
        *locked(&self.lose_answers) = lose;
    }

    /// Which address is asked when a number is called, or why none is; `None` if the account does not have it.
    pub(super) fn ring(&self, e164: &str) -> Option<Result<String, &'static str>> {
        let number = self.settings(e164)?;
        let is_set = |field: &str| number[field].as_str().is_some_and(|value| !value.is_empty());
        Some(if is_set("trunk_sid") {
            Err("the number belongs to a trunk")
        } else if is_set("voice_application_sid") {
            Err("the number belongs to an application")
        } else if is_set("voice_url") {
            Ok(number["voice_url"].as_str().unwrap_or_default().to_owned())
        } else {
            Err("nothing is set for the number")
        })
    }
}

fn resource(account: &str, e164: &str, place: usize) -> Value {
    let sid = format!("PN{place:04x}{}", &account[6..]);
    let now = WallTime::now().rfc2822();
    let mut resource = json!({
        "sid": sid,
        "account_sid": account,
        "phone_number": e164,
        "friendly_name": e164,
        "address_requirements": "none",
        "address_sid": null,
        "api_version": "2010-04-01",
        "beta": false,
        "bundle_sid": null,
        "capabilities": { "voice": true, "sms": true, "mms": false, "fax": false },
        "date_created": now,
        "date_updated": now,
        "emergency_address_sid": null,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "identity_sid": null,
        "origin": "twilio",
        "status": "in-use",
        "trunk_sid": null,
        "type": "local",
        "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
        "voice_caller_id_lookup": false,
        "voice_receive_mode": "voice",
        "voice_application_sid": null,
        "sms_application_sid": null,
    });
    for (_, field) in FIELDS {
        if resource.get(field).is_none() {
            resource[field] = if field.ends_with("method") { "POST".into() } else { "".into() };
        }
    }
    resource
}

/// What is asked of the account.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/2010-04-01/Accounts/{file}", get(account))
        .route("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", get(list).post(buy))
        .route("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{file}", get(one).post(update))
        .route("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/{kind}", get(available))
}

async fn account(State(lab): State<Arc<Shared>>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, file.trim_end_matches(".json")) {
        return refusal.response();
    }
    let sid = lab.config.account_sid.as_str();
    let uri = format!("/2010-04-01/Accounts/{sid}");
    let below = |name: &str| format!("{uri}/{name}.json");
    let resource = json!({
        "sid": sid,
        "friendly_name": "The lab's account",
        "status": "active",
        "type": "Full",
        "owner_account_sid": sid,
        "auth_token": "********************************",
        "date_created": WallTime::now().rfc2822(),
        "date_updated": WallTime::now().rfc2822(),
        "subresource_uris": { "calls": below("Calls"), "incoming_phone_numbers": below("IncomingPhoneNumbers") },
        "uri": format!("{uri}.json"),
    });
    checked(&lab, "api.v2010.account", resource)
}

async fn list(State(lab): State<Arc<Shared>>, Path(account): Path<String>, headers: HeaderMap, uri: Uri) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let query = match form(&lab, "ListIncomingPhoneNumber", uri.query().unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(refusal) => return refusal.response(),
    };
    let number = |field: &str| query[field].as_str().and_then(|text| text.parse::<usize>().ok());
    // However large a page is asked for, the lab makes them small.
    let (page, size) = (number("Page").unwrap_or(0), number("PageSize").unwrap_or(50).clamp(1, PAGE_SIZE));
    let wanted = query["PhoneNumber"].as_str();
    let found: Vec<_> = {
        let owned = locked(&lab.numbers.owned);
        owned.iter().filter(|one| wanted.is_none_or(|wanted| one["phone_number"] == wanted)).cloned().collect()
    };
    let items: Vec<_> = found.iter().skip(page * size).take(size).cloned().collect();
    for item in &items {
        complain(&lab, "api.v2010.account.incoming_phone_number", item);
    }
    let base = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json");
    let at = |page: usize| format!("{base}?PageSize={size}&Page={page}&PageToken=PA{page}");
    let next = ((page + 1) * size < found.len()).then(|| at(page + 1));
    let body = json!({
        "incoming_phone_numbers": items,
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": (page * size + items.len()).saturating_sub(1),
        "uri": at(page),
        "first_page_uri": at(0),
        "next_page_uri": next,
        "previous_page_uri": page.checked_sub(1).map(at),
    });
    answer(200, &body)
}

async fn one(
    State(lab): State<Arc<Shared>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let sid = file.trim_end_matches(".json");
    let found = locked(&lab.numbers.owned).iter().find(|number| number["sid"] == sid).cloned();
    found.map_or_else(|| Refusal::NOT_FOUND.response(), |number| answer(200, &number))
}

async fn update(
    State(lab): State<Arc<Shared>>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let form = match form(&lab, "UpdateIncomingPhoneNumber", &body) {
        Ok(form) => form,
        Err(refusal) => return refusal.response(),
    };
    let sid = file.trim_end_matches(".json");
    let updated = {
        let mut owned = locked(&lab.numbers.owned);
        let Some(number) = owned.iter_mut().find(|number| number["sid"] == sid) else {
            return Refusal::NOT_FOUND.response();
        };
        for (name, field) in FIELDS {
            if let Some(value) = form.get(name) {
                let cleared = field.ends_with("_sid") && value == "";
                number[field] = if cleared { Value::Null } else { value.clone() };
            }
        }
        number["date_updated"] = WallTime::now().rfc2822().into();
        number.clone()
    };
    checked(&lab, "api.v2010.account.incoming_phone_number", updated)
}

async fn buy(State(lab): State<Arc<Shared>>, Path(account): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let form = match form(&lab, "CreateIncomingPhoneNumber", &body) {
        Ok(form) => form,
        Err(refusal) => return refusal.response(),
    };
    let e164 = form["PhoneNumber"].as_str().unwrap_or_default().to_owned();
    {
        let mut for_sale = locked(&lab.numbers.for_sale);
        let Some(place) = for_sale.iter().position(|number| *number == e164) else {
            return Refusal::NOT_AVAILABLE.response();
        };
        for_sale.remove(place);
    }
    let bought = {
        let mut owned = locked(&lab.numbers.owned);
        let bought = resource(&account, &e164, owned.len());
        owned.push(bought.clone());
        bought
    };
    if *locked(&lab.numbers.lose_answers) {
        return Refusal::FAULT.response();
    }
    complain(&lab, "api.v2010.account.incoming_phone_number", &bought);
    answer(201, &bought)
}

async fn available(
    State(lab): State<Arc<Shared>>,
    Path((account, country, kind)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if let Err(refusal) = allowed(&lab, &headers, &account) {
        return refusal.response();
    }
    let kind = kind.trim_end_matches(".json");
    let (operation, name) = match kind {
        "Local" => ("ListAvailablePhoneNumberLocal", "local"),
        "Mobile" => ("ListAvailablePhoneNumberMobile", "mobile"),
        "TollFree" => ("ListAvailablePhoneNumberTollFree", "toll_free"),
        _ => return Refusal::NOT_FOUND.response(),
    };
    let query = match form(&lab, operation, uri.query().unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(refusal) => return refusal.response(),
    };
    let fits = |number: &&String| {
        let area = query["AreaCode"].as_str().is_none_or(|code| number[1..].starts_with(&format!("1{code}")));
        let contains = query["Contains"].as_str().is_none_or(|part| number.contains(part.trim_matches('*')));
        area && contains
    };
    let found: Vec<_> = locked(&lab.numbers.for_sale).iter().filter(fits).cloned().collect();
    let items = found.iter().map(|number| {
        json!({
            "phone_number": number,
            "friendly_name": number,
            "lata": "834",
            "locality": "Hilo",
            "rate_center": "HILO",
            "latitude": 19.72,
            "longitude": -155.09,
            "region": "HI",
            "postal_code": "96720",
            "iso_country": country,
            "address_requirements": "none",
            "beta": false,
            "capabilities": { "voice": true, "SMS": true, "MMS": false },
        })
    });
    let items: Vec<_> = items.collect();
    let schema = format!("api.v2010.account.available_phone_number_country.available_phone_number_{name}");
    for item in &items {
        complain(&lab, &schema, item);
    }
    let uri = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{country}/{kind}.json");
    answer(200, &json!({ "available_phone_numbers": items, "uri": uri }))
}

pub(super) fn allowed(lab: &Shared, headers: &HeaderMap, account: &str) -> Result<(), Refusal> {
    if !credentials(lab, headers) {
        return Err(Refusal::CREDENTIALS);
    }
    if account == lab.config.account_sid.as_str() { Ok(()) } else { Err(Refusal::NOT_FOUND) }
}

/// A form or a query, held against the vendor's schema of the operation.
pub(super) fn form(lab: &Shared, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
    let mut fields = Map::new();
    let mut held = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        // The vendor clears an id that is set to nothing; its own description has no words for that.
        if !(value.is_empty() && name.ends_with("Sid")) {
            held.insert(name.clone().into_owned(), value.clone().into_owned().into());
        }
        fields.insert(name.into_owned(), value.into_owned().into());
    }
    match check::form(operation, &Value::Object(held)) {
        None => Ok(Value::Object(fields)),
        Some(complaint) => {
            lab.violation(&format!("REST: a form for {operation} that the vendor does not know: {complaint}"));
            Err(Refusal::FORM)
        }
    }
}

fn checked(lab: &Shared, schema: &str, resource: Value) -> Response {
    complain(lab, schema, &resource);
    answer(200, &resource)
}

pub(super) fn complain(lab: &Shared, schema: &str, resource: &Value) {
    if let Some(complaint) = check::resource(schema, resource) {
        lab.violation(&format!("a mistake of the lab's: its answer is no {schema}, {complaint}"));
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
