//! The call resource, whole.

use serde_json::{Value, json};

use super::{call::Call, clock::WallTime};

/// As the books are now.
pub(super) fn call(call: &Call) -> Value {
    let seconds = call.seconds();
    let state = call.state();
    let (account, sid) = (call.account(), call.sid);
    let uri = format!("/2010-04-01/Accounts/{account}/Calls/{sid}.json");
    let below = |name: &str| format!("/2010-04-01/Accounts/{account}/Calls/{sid}/{name}.json");
    let date = |at: Option<WallTime>| at.map(WallTime::rfc2822);
    json!({
        "sid": sid.as_str(),
        "account_sid": account.as_str(),
        "parent_call_sid": null,
        "date_created": date(Some(state.created)),
        "date_updated": date(Some(state.updated)),
        "to": call.to,
        "to_formatted": formatted(&call.to),
        "from": call.from,
        "from_formatted": formatted(&call.from),
        "phone_number_sid": format!("PN{}", &account.as_str()[2..]),
        "status": state.status,
        "start_time": date(state.answered.map(|(_, at)| at)),
        "end_time": date(state.ended.map(|(_, at)| at)),
        "duration": state.ended.map(|_| seconds.to_string()),
        "price": null,
        "price_unit": "USD",
        "direction": call.direction(),
        "answered_by": state.answered_by,
        "api_version": "2010-04-01",
        "forwarded_from": null,
        "group_sid": null,
        "caller_name": null,
        "queue_time": "0",
        "trunk_sid": null,
        "uri": uri,
        "subresource_uris": {
            "notifications": below("Notifications"),
            "recordings": below("Recordings"),
            "streams": below("Streams"),
            "events": below("Events"),
        },
    })
}

/// `+18185550147` as `(818) 555-0147`; others as they are.
fn formatted(number: &str) -> String {
    match number.strip_prefix("+1") {
        Some(rest) if rest.len() == 10 && rest.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..])
        }
        _ => number.to_owned(),
    }
}
