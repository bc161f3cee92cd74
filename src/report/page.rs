//! The page: a head, blocks of data, the script.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Call, SOUND_PAGE};
use crate::chart::{self, Sound};

const HEAD: &str = include_str!("assets/head.html");
const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str =
    concat!(include_str!("assets/marks.js"), include_str!("assets/player.js"), include_str!("assets/page.js"));

pub(super) fn write(out: &mut impl Write, calls: &[Call], pictures: &[String]) -> io::Result<()> {
    let style = [chart::STYLE, STYLE].concat();
    let script = [chart::SCRIPT, SCRIPT].concat();
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style)
    );
    out.write_all(HEAD.replace("{{policy}}", &policy).replace("{{style}}", &style).as_bytes())?;
    let listed: Vec<_> = calls.iter().zip(pictures).map(|(call, picture)| call.listed(picture)).collect();
    block(out, "run", &listed)?;
    let mut room = SOUND_PAGE;
    for (n, call) in calls.iter().enumerate() {
        let left = call.sound_bytes().and_then(|bytes| room.checked_sub(bytes));
        let sound = if left.is_some() { Sound::Whole } else { Sound::Outline };
        room = left.unwrap_or(room);
        if let Some(detail) = call.detail(sound) {
            block(out, &format!("call-{n}"), &detail)?;
        }
    }
    writeln!(out, "<script>{script}</script>\n</body>\n</html>")
}

/// Data that no browser takes for markup: `<` is written as `\u003c`, which JSON reads back.
fn block(out: &mut impl Write, id: &str, data: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string(data)?.replace('<', "\\u003c");
    writeln!(out, r#"<script type="application/json" id="{id}">{json}</script>"#)
}

/// As a policy names an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64_simd::STANDARD.encode_to_string(Sha256::digest(text.as_bytes())))
}
