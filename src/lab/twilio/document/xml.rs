//! XML to a tree: what is well-formed is read, what is not is the vendor's 12100.

use quick_xml::{
    XmlVersion,
    escape::unescape,
    events::{BytesStart, Event},
    reader::Reader,
};

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// Deepest nesting that is read: TwiML needs four.
const MOST_DEPTH: usize = 16;

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The document's root.
///
/// # Errors
/// Why it is no document, in words.
pub(super) fn read(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // The first one gathers what stands outside of any element.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| format!("at byte {}: {error}", reader.error_position()))?;
        match event {
            Event::Start(start) => {
                if open.len() > MOST_DEPTH {
                    return Err(format!("more than {MOST_DEPTH} elements in each other"));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => close(&mut open, element(&start)?)?,
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                close(&mut open, done)?;
            }
            Event::Text(text) => text_of(&mut open).push_str(&text.xml10_content()),
            Event::CData(text) => text_of(&mut open).push_str(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let plain = unescape(&format!("&{};", &*name)).map_err(|error| error.to_string())?.into_owned();
                text_of(&mut open).push_str(&plain);
            }
            Event::DocType(_) => return Err("a document type, which TwiML has not".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if open.len() != 1 {
        return Err(format!("<{}> is not closed", open.last().map_or("", |element| element.name.as_str())));
    }
    let mut outside = open.pop().unwrap_or_default();
    match (outside.text.trim(), outside.children.len()) {
        ("", 1) => Ok(outside.children.remove(0)),
        ("", 0) => Err("no element at all".to_owned()),
        ("", _) => Err("more than one root element".to_owned()),
        _ => Err("text outside of the root element".to_owned()),
    }
}

fn text_of(open: &mut [Element]) -> &mut String {
    let last = open.len() - 1;
    &mut open[last].text
}

fn close(open: &mut [Element], done: Element) -> Result<(), String> {
    open.last_mut().ok_or("an end without a start")?.children.push(done);
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: start.name().as_ref().to_owned(), attributes, ..Element::default() })
}
