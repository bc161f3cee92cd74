//! The account's voices, page by page: `GET /v2/voices`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Access, refusal};
use crate::{
    tts::{TtsError, fetch::Refusal},
    wire::{ExchangeEvent, Failure, HttpRequest, Method},
};

const TIMEOUT: Duration = Duration::from_secs(10);
const PAGE: u32 = 100;
/// A vendor that always has one more page is not followed for ever.
const PAGES: u32 = 50;

/// A voice, as the vendor lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What else is said of it: category, language, accent and the like.
    pub labels: Vec<String>,
}

/// Asks for one page after the other.
#[derive(Debug)]
pub struct Listing {
    access: Arc<Access>,
    voices: Vec<Listed>,
    next: Option<String>,
    pages: u32,
    over: bool,
}

impl Listing {
    /// At the first page.
    #[must_use]
    pub const fn new(access: Arc<Access>) -> Self {
        Self { access, voices: Vec::new(), next: None, pages: 0, over: false }
    }

    /// The next page to ask for; `None` at the end.
    #[must_use]
    pub fn request(&self) -> Option<HttpRequest> {
        if self.over {
            return None;
        }
        const PATH: &str = "/v2/voices?";
        let mut query = form_urlencoded::Serializer::for_suffix(PATH.to_owned(), PATH.len());
        query.append_pair("page_size", &PAGE.to_string());
        if let Some(token) = &self.next {
            query.append_pair("next_page_token", token);
        }
        Some(self.access.http(Method::Get, &query.finish(), None, TIMEOUT))
    }

    /// A page, or why there is none.
    ///
    /// # Errors
    ///
    /// What is wrong with the account or the vendor; nothing more can be asked for then.
    pub fn handle(&mut self, event: &ExchangeEvent) -> Result<(), TtsError> {
        let before = std::mem::replace(&mut self.over, true);
        if before {
            return Ok(());
        }
        let (status, body) = match event {
            ExchangeEvent::Answer { status, body } => (*status, body),
            ExchangeEvent::Failed(failure) => {
                return Err(match failure {
                    Failure::Connect => TtsError::Connect,
                    Failure::TimedOut => TtsError::TimedOut,
                    Failure::Broken | Failure::TooLong => TtsError::Broken,
                    Failure::Overloaded => TtsError::Busy,
                });
            }
        };
        if status != 200 {
            return Err(refusal::judge(Refusal { status, retry_after: None, body }).0);
        }
        let page: Value = serde_json::from_slice(body).map_err(|_| TtsError::Vendor { status })?;
        let voices = page["voices"].as_array().ok_or(TtsError::Vendor { status })?;
        self.voices.extend(voices.iter().filter_map(listed));
        self.pages += 1;
        let next = page["next_page_token"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        if page["has_more"] == true && next.is_some() && next != self.next && self.pages < PAGES {
            self.next = next;
            self.over = false;
        }
        Ok(())
    }

    /// What has been listed so far.
    #[must_use]
    pub fn voices(&self) -> &[Listed] {
        &self.voices
    }
}

fn listed(voice: &Value) -> Option<Listed> {
    let id = voice["voice_id"].as_str()?.to_owned();
    let name = voice["name"].as_str().unwrap_or_default().to_owned();
    let category = voice["category"].as_str().map(str::to_owned);
    let labels = voice["labels"].as_object();
    let labels = labels.into_iter().flat_map(|labels| labels.values()).filter_map(|label| label.as_str());
    Some(Listed { id, name, labels: category.into_iter().chain(labels.map(str::to_owned)).collect() })
}
