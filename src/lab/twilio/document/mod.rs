//! TwiML, read: the vendor's half of [`crate::carrier::twilio::twiml`].

mod grammar;
mod reply;
#[cfg(test)]
mod tests;
mod xml;

use std::{fmt, time::Duration};

use hyper::Method;
pub(super) use reply::{Reply, replies};
use xml::Element;

/// Most characters of a parameter's name and value together, less one.
const MOST_PARAMETER: usize = 500;

/// What answers a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// Where it came from; references count from here.
    pub(super) base: String,
    pub(super) verbs: Vec<Verb>,
    /// What the vendor complains about and ignores (12200).
    pub(super) complaints: Vec<String>,
}

/// What is done, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Connect {
        stream: StreamNoun,
        action: Option<Link>,
    },
    Say {
        text: String,
        language: Option<String>,
        times: u32,
    },
    Pause(Duration),
    Play(String),
    Hangup,
    Reject {
        busy: bool,
    },
    Redirect(Link),
    Dial {
        number: String,
        timeout: Duration,
        action: Option<Link>,
    },
    /// In the grammar, but nothing that the lab can do.
    Other(String),
}

/// An address with a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) url: String,
    pub(super) method: Method,
}

/// `<Stream>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamNoun {
    pub(super) url: String,
    pub(super) name: Option<String>,
    pub(super) status_callback: Option<Link>,
    pub(super) parameters: Vec<(String, String)>,
}

impl Document {
    /// Reads a document that came from `base`.
    ///
    /// # Errors
    /// Why it is none (12100), in words.
    pub(super) fn read(text: &str, base: &str) -> Result<Self, String> {
        let root = xml::read(text)?;
        if root.name != "Response" {
            return Err(format!("the root is <{}>, expected <Response>", root.name));
        }
        let mut document = Self { base: base.to_owned(), ..Self::default() };
        if !root.attributes.is_empty() || !root.text.trim().is_empty() {
            document.complaints.push("<Response> has neither attributes nor text".to_owned());
        }
        for element in &root.children {
            let before = document.complaints.len();
            grammar::complaints(element, "Response", &mut document.complaints);
            let unknown = document.complaints.get(before).is_some_and(|it| it.ends_with("cannot stand in <Response>"));
            if unknown {
                continue;
            }
            match verb(element, &mut document.complaints) {
                Some(Verb::Reject { .. }) if !document.verbs.is_empty() => {
                    document.complaints.push("<Reject> must be the first verb, the call is answered".to_owned());
                }
                Some(verb) => document.verbs.push(verb),
                None => {}
            }
        }
        Ok(document)
    }
}

fn verb(element: &Element, complaints: &mut Vec<String>) -> Option<Verb> {
    let text = element.text.trim();
    match element.name.as_str() {
        "Connect" => connect(element, complaints),
        "Say" => {
            if text.is_empty() {
                complaints.push("<Say> without words".to_owned());
            }
            let language = element.attribute("language").map(str::to_owned);
            let times = number_of(element, "loop", 1, complaints).clamp(1, 1000);
            Some(Verb::Say { text: text.to_owned(), language, times })
        }
        "Pause" => Some(Verb::Pause(Duration::from_secs(number_of(element, "length", 1, complaints).into()))),
        "Play" => Some(Verb::Play(text.to_owned())),
        "Hangup" => Some(Verb::Hangup),
        "Reject" => Some(Verb::Reject { busy: element.attribute("reason") == Some("busy") }),
        "Redirect" => Some(Verb::Redirect(link(text, element.attribute("method")))),
        "Dial" => dial(element, complaints),
        other => Some(Verb::Other(other.to_owned())),
    }
}

fn connect(element: &Element, complaints: &mut Vec<String>) -> Option<Verb> {
    let streams: Vec<_> = element.children.iter().filter(|child| child.name == "Stream").collect();
    let [noun] = streams.as_slice() else {
        complaints.push(format!("<Connect> with {} <Stream>, expected one", streams.len()));
        return None;
    };
    let Some(url) = noun.attribute("url") else {
        complaints.push("<Stream> without url".to_owned());
        return None;
    };
    let mut parameters = Vec::new();
    for parameter in noun.children.iter().filter(|child| child.name == "Parameter") {
        let (name, value) = (parameter.attribute("name"), parameter.attribute("value"));
        let (Some(name), Some(value)) = (name, value) else {
            complaints.push("<Parameter> needs a name and a value".to_owned());
            continue;
        };
        if name.chars().count() + value.chars().count() >= MOST_PARAMETER {
            complaints
                .push(format!("<Parameter name={name:?}> is too long: expected under {MOST_PARAMETER} characters"));
            continue;
        }
        parameters.push((name.to_owned(), value.to_owned()));
    }
    let callback = noun.attribute("statusCallback");
    let stream = StreamNoun {
        url: url.trim().to_owned(),
        name: noun.attribute("name").filter(|name| !name.is_empty()).map(str::to_owned),
        status_callback: callback.map(|url| link(url, noun.attribute("statusCallbackMethod"))),
        parameters,
    };
    let action = element.attribute("action").map(|url| link(url, element.attribute("method")));
    Some(Verb::Connect { stream, action })
}

fn dial(element: &Element, complaints: &mut Vec<String>) -> Option<Verb> {
    let numbers: Vec<_> = element.children.iter().filter(|child| child.name == "Number").collect();
    let number = match numbers.as_slice() {
        [] => element.text.trim(),
        [number] => number.text.trim(),
        _ => {
            complaints.push("<Dial> with several <Number>: the lab calls one".to_owned());
            return None;
        }
    };
    if !crate::carrier::is_e164(number) {
        complaints.push(format!("<Dial> to {number:?}, which is no number"));
        return None;
    }
    let timeout = Duration::from_secs(number_of(element, "timeout", 30, complaints).into());
    let action = element.attribute("action").map(|url| link(url, element.attribute("method")));
    Some(Verb::Dial { number: number.to_owned(), timeout, action })
}

fn link(url: &str, method: Option<&str>) -> Link {
    Link { url: url.trim().to_owned(), method: if method == Some("GET") { Method::GET } else { Method::POST } }
}

fn number_of(element: &Element, name: &str, default: u32, complaints: &mut Vec<String>) -> u32 {
    let Some(text) = element.attribute(name) else { return default };
    text.trim().parse().unwrap_or_else(|_| {
        complaints.push(format!("<{} {name}> must be a whole number, got {text:?}", element.name));
        default
    })
}

impl fmt::Display for Document {
    /// The verbs, in short.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verbs.is_empty() {
            return f.write_str("(nothing to do)");
        }
        for (n, verb) in self.verbs.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            match verb {
                Verb::Connect { action: None, .. } => write!(f, "{comma}Connect")?,
                Verb::Connect { action: Some(_), .. } => write!(f, "{comma}Connect with action")?,
                Verb::Say { .. } => write!(f, "{comma}Say")?,
                Verb::Pause(time) => write!(f, "{comma}Pause {} s", time.as_secs())?,
                Verb::Play(_) => write!(f, "{comma}Play")?,
                Verb::Hangup => write!(f, "{comma}Hangup")?,
                Verb::Reject { .. } => write!(f, "{comma}Reject")?,
                Verb::Redirect(link) => write!(f, "{comma}Redirect {}", link.url)?,
                Verb::Dial { number, .. } => write!(f, "{comma}Dial {number}")?,
                Verb::Other(name) => write!(f, "{comma}{name}")?,
            }
        }
        Ok(())
    }
}
