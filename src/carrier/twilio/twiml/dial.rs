use std::time::Duration;

use quick_xml::events::BytesText;

use super::{MAX_SAY, Setting, Twiml, TwimlError, check_language, check_text, check_url, written};
use crate::carrier::is_e164;

use super::setting::Problem;

/// Puts a call through to a number.
#[derive(Clone, Copy, Debug)]
pub struct Dial<'a> {
    /// Said to the caller before, in the carrier's voice, if nobody else has.
    pub say: Option<Setting<'a>>,
    /// The language of that voice.
    pub language: Setting<'a>,
    /// The number, E.164.
    pub number: Setting<'a>,
    /// How long it rings; whole seconds.
    pub timeout: Duration,
    /// Asked what comes next when the other side has hung up, or was never reached. Absolute.
    pub action: Setting<'a>,
}

impl Dial<'_> {
    /// The document.
    ///
    /// # Errors
    ///
    /// If a setting cannot stand in it.
    pub fn document(&self) -> Result<Twiml, TwimlError> {
        check_url(self.action, &["https://", "http://"])?;
        check_language(self.language)?;
        if let Some(say) = self.say {
            check_text(say, MAX_SAY)?;
        }
        if !is_e164(self.number.value) {
            return Err(self.number.refused(Problem::Number));
        }
        Ok(written(|xml| {
            if let Some(say) = self.say {
                let element = xml.create_element("Say").with_attribute(("language", self.language.value));
                element.write_text_content(BytesText::new(say.value))?;
            }
            let timeout = self.timeout.as_secs().to_string();
            let dial = xml.create_element("Dial").with_attributes([
                ("timeout", timeout.as_str()),
                ("action", self.action.value),
                ("method", "POST"),
            ]);
            dial.write_inner_content(|xml| {
                xml.create_element("Number").write_text_content(BytesText::new(self.number.value)).map(drop)
            })?;
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial<'a>(say: Option<&'a str>, number: &'a str) -> Dial<'a> {
        let setting = |value| Setting { key: "tools.transfer_call", value };
        Dial {
            say: say.map(setting),
            language: setting("en-US"),
            number: setting(number),
            timeout: Duration::from_secs(20),
            action: setting("https://gate.example.com/twilio/dialed/a%401"),
        }
    }

    #[test]
    fn the_caller_is_told_and_put_through() {
        let twiml = dial(Some("One moment & thanks."), "+15550100").document().unwrap();
        let expected = "<Response><Say language=\"en-US\">One moment &amp; thanks.</Say><Dial timeout=\"20\" \
                        action=\"https://gate.example.com/twilio/dialed/a%401\" method=\"POST\">\
                        <Number>+15550100</Number></Dial></Response>";
        assert!(twiml.as_str().ends_with(expected), "{}", twiml.as_str());
        assert!(!dial(None, "+15550100").document().unwrap().as_str().contains("Say"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let refused = dial(None, "billing").document().unwrap_err();
        assert!(refused.to_string().contains("+15551234567"), "{refused}");
    }
}
