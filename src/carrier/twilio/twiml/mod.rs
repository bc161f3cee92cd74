//! The documents with which we answer webhooks, or that we send along with a REST request.
//!
//! Every name and value is escaped by the XML writer; what XML cannot carry at all is refused, as is an address that
//! the vendor would not take. The refusal names the setting.

mod dial;
mod setting;

use std::fmt;
use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

pub use self::dial::Dial;
pub use self::setting::{Problem, Setting, TwimlError};
use self::setting::{check_language, check_text, check_url};
pub use super::decode::MAX_PARAMETER;

/// `Content-Type` of every document here.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Most bytes of a document that answers a webhook.
pub const MAX_ANSWER: usize = 64_000;

/// Most characters of what `<Say>` speaks.
pub const MAX_SAY: usize = 4096;

/// A finished document. `Debug` shows only its length: it may hold a token or what is said to a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Twiml(String);

impl Twiml {
    /// The XML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Twiml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Twiml({} bytes)", self.0.len())
    }
}

/// The answer to an incoming call: connects it to our media stream.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// `wss` address of the media stream; without query string.
    pub stream: Setting<'a>,
    /// The stream's name in status callbacks.
    pub name: Setting<'a>,
    /// Told when the stream starts, stops or fails. Absolute, `https` (plain `http` is for tests).
    pub status_callback: Setting<'a>,
    /// Handed to the stream's `start`.
    pub parameters: &'a [Parameter<'a>],
    /// Where the call goes on when the stream has ended, however: any node reopens it, ends the call, or apologizes.
    /// (Without an `action`, Twilio goes on with what stands behind `<Connect>`: one way for every case.)
    pub resume: Setting<'a>,
}

/// A value for the stream's `start`. `Debug` shows the name only: the value may be a token.
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    /// Its name; also names the setting in errors.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({})", self.name)
    }
}

impl Connect<'_> {
    /// The document.
    ///
    /// # Errors
    ///
    /// If a setting cannot stand in it.
    pub fn document(&self) -> Result<Twiml, TwimlError> {
        check_url(self.stream, &["wss://"])?;
        if self.stream.value.contains(['?', '#']) {
            return Err(self.stream.refused(Problem::Query));
        }
        for url in [self.status_callback, self.resume] {
            check_url(url, &["https://", "http://"])?;
        }
        check_text(self.name, MAX_PARAMETER)?;
        for parameter in self.parameters {
            parameter.check()?;
        }
        let document = written(|xml| {
            xml.create_element("Connect").write_inner_content(|xml| self.write_stream(xml))?;
            let resume = BytesText::new(self.resume.value);
            xml.create_element("Redirect").with_attribute(("method", "POST")).write_text_content(resume)?;
            Ok(())
        });
        let length = document.0.len();
        if length > MAX_ANSWER {
            return Err(self.stream.refused(Problem::TooLong { length, most: MAX_ANSWER }));
        }
        Ok(document)
    }

    fn write_stream(&self, xml: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let stream = xml.create_element("Stream").with_attributes([
            ("url", self.stream.value),
            ("name", self.name.value),
            ("statusCallback", self.status_callback.value),
            ("statusCallbackMethod", "POST"),
        ]);
        stream.write_inner_content(|xml| {
            for Parameter { name, value } in self.parameters {
                let parameter = xml.create_element("Parameter");
                parameter.with_attributes([("name", *name), ("value", *value)]).write_empty()?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Speaks the text in the carrier's voice, then ends the call: the apology when a call cannot be resumed, and the
/// farewell when no rendering of ours is ready.
///
/// # Errors
///
/// If text or language cannot be used.
pub fn say_and_hang_up(text: Setting<'_>, language: Setting<'_>) -> Result<Twiml, TwimlError> {
    if text.value.trim().is_empty() {
        return Err(text.refused(Problem::Empty));
    }
    check_text(text, MAX_SAY)?;
    check_language(language)?;
    Ok(written(|xml| {
        let say = xml.create_element("Say").with_attribute(("language", language.value));
        say.write_text_content(BytesText::new(text.value))?;
        xml.create_element("Hangup").write_empty()?;
        Ok(())
    }))
}

/// Refuses an incoming call: the caller hears the busy tone, and nobody pays.
#[must_use]
pub fn busy() -> Twiml {
    written(|xml| xml.create_element("Reject").with_attribute(("reason", "busy")).write_empty().map(drop))
}

/// Answers a text with another one, whose fate is told to `status_callback`.
///
/// # Errors
///
/// If text or address cannot stand in it.
pub fn message(text: Setting<'_>, status_callback: Setting<'_>) -> Result<Twiml, TwimlError> {
    if text.value.trim().is_empty() {
        return Err(text.refused(Problem::Empty));
    }
    check_text(text, super::text::MAX_TEXT)?;
    check_url(status_callback, &["https://", "http://"])?;
    Ok(written(|xml| {
        let message =
            xml.create_element("Message").with_attributes([("action", status_callback.value), ("method", "POST")]);
        message.write_text_content(BytesText::new(text.value)).map(drop)
    }))
}

/// Answers a text with nothing.
#[must_use]
pub fn nothing() -> Twiml {
    written(|_| Ok(()))
}

/// Ends the call.
#[must_use]
pub fn hang_up() -> Twiml {
    written(|xml| xml.create_element("Hangup").write_empty().map(drop))
}

impl Parameter<'_> {
    fn check(&self) -> Result<(), TwimlError> {
        let key = Setting { key: self.name, value: self.name };
        if self.name.is_empty() {
            return Err(TwimlError { key: "(parameter without a name)".to_owned(), problem: Problem::Empty });
        }
        check_text(key, MAX_PARAMETER)?;
        check_text(Setting { value: self.value, ..key }, MAX_PARAMETER)?;
        let length = self.name.chars().count() + self.value.chars().count();
        if length < MAX_PARAMETER {
            Ok(())
        } else {
            Err(key.refused(Problem::TooLong { length, most: MAX_PARAMETER - 1 }))
        }
    }
}

fn written(content: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> Twiml {
    let mut xml = Writer::new(Vec::new());
    let done = xml
        .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| xml.create_element("Response").write_inner_content(content).map(drop));
    done.expect("writing to memory cannot fail");
    Twiml(String::from_utf8(xml.into_inner()).expect("the writer was given UTF-8 only"))
}
