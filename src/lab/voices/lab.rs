//! The voices on a port of their own.

use std::io;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};

use super::{
    desk::{Desk, Vendor},
    elevenlabs, openai,
};
use crate::lab::port::Port;

/// A vendor's voices on loopback. Dropping it closes the port.
pub struct VoicesLab {
    desk: Desk,
    port: Port,
}

impl VoicesLab {
    /// The key that the command lets in.
    pub const KEY: &'static str = "xi-lab";

    /// Starts them on a port; 0: any free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn start(desk: Desk, port: u16) -> io::Result<Self> {
        let missing = async || (StatusCode::NOT_FOUND, r#"{"detail":"Not Found"}"#);
        let port = Port::open(port, router(&desk).fallback(missing))?;
        Ok(Self { desk, port })
    }

    /// What a gateway takes for `https://api.openai.com/v1`, or for `https://api.elevenlabs.io`.
    #[must_use]
    pub fn base_url(&self) -> String {
        match self.desk.vendor() {
            Vendor::OpenAi => format!("http://{}/v1", self.port.addr()),
            Vendor::ElevenLabs => format!("http://{}", self.port.addr()),
        }
    }

    /// What is asked, and what goes wrong.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Connecting is refused from now on, and connections that are there end.
    pub fn down(&self) {
        self.port.down();
    }

    /// It listens again, on the same port.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn up(&self) -> io::Result<()> {
        self.port.up()
    }
}

/// A vendor's paths, without a fallback.
pub(in crate::lab) fn router(desk: &Desk) -> Router {
    let router = match desk.vendor() {
        Vendor::OpenAi => {
            let speak = post(async |State(desk), headers, bytes| openai::handle(desk, headers, bytes).await);
            Router::new().route("/v1/audio/speech", speak.clone()).route("/openai/v1/audio/speech", speak)
        }
        Vendor::ElevenLabs => Router::new()
            .route(
                "/v1/text-to-speech/{voice}/stream",
                post(async |State(desk), Path(voice), RawQuery(query), headers: HeaderMap, bytes: Bytes| {
                    elevenlabs::speak(desk, voice, query, headers, bytes, true).await
                }),
            )
            .route(
                "/v1/text-to-speech/{voice}",
                post(async |State(desk), Path(voice), RawQuery(query), headers: HeaderMap, bytes: Bytes| {
                    elevenlabs::speak(desk, voice, query, headers, bytes, false).await
                }),
            )
            .route("/v1/models", get(async |State(desk), headers: HeaderMap| elevenlabs::models(&desk, &headers)))
            .route("/v1/voices", get(async |State(desk), headers: HeaderMap| elevenlabs::voices(&desk, &headers)))
            .route(
                "/v2/voices",
                get(async |State(desk), RawQuery(query): RawQuery, headers: HeaderMap| {
                    elevenlabs::voices_paged(&desk, &headers, query.as_deref().unwrap_or_default())
                }),
            ),
    };
    router.with_state(desk.clone())
}
