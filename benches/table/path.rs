//! What one frame of the caller, and one of the agent that goes back, pass through.

/// How a gateway may be configured: audio to the model, and the voice detector. The caller speaks 40 % of the time.
pub(crate) const CONFIGURATIONS: [&str; 4] = ["g711, gate", "g711, cascade", "pcm, gate", "pcm, cascade"];

/// How often a frame passes through a stage, in each configuration.
pub(crate) const STAGES: &[(&str, [f64; 4])] = &[
    ("wire/twilio/media-in", [1.0; 4]),
    ("ring/spsc", [1.0; 4]),
    // The caller's frame, and the agent's for the echo guard; at 24 kHz the caller's again, on its way to the model.
    ("codec/mulaw/decode", [2.0, 2.0, 3.0, 3.0]),
    ("vad/webrtc/conversation", [1.0, 0.0, 1.0, 0.0]),
    ("vad/cascade/conversation", [0.0, 1.0, 0.0, 1.0]),
    ("ring/history", [1.0; 4]),
    ("resample/up/ours", [0.0, 0.0, 1.0, 1.0]),
    ("wire/openai/append-g711", [1.0, 1.0, 0.0, 0.0]),
    ("wire/openai/append-pcm", [0.0, 0.0, 1.0, 1.0]),
    ("wire/openai/delta-g711", [1.0, 1.0, 0.0, 0.0]),
    ("wire/openai/delta-pcm", [0.0, 0.0, 1.0, 1.0]),
    ("resample/down/ours", [0.0, 0.0, 1.0, 1.0]),
    ("codec/mulaw/encode", [0.0, 0.0, 1.0, 1.0]),
    // The agent alone, at full level, goes past the mixer.
    ("wire/twilio/media-out", [1.0; 4]),
    // A mark behind every tenth frame.
    ("wire/twilio/mark-out", [0.1; 4]),
    ("wire/twilio/mark-in", [0.1; 4]),
];

/// The stages that no tick does: sockets' side.
pub(crate) const WIRE: &str = "wire/";

/// Everything else at once, decisions and all, in a shard of a thousand conversations: for each configuration.
pub(crate) const TICKS: [&str; 4] =
    ["tick/cold/webrtc/g711", "tick/cold/cascade/g711", "tick/cold/webrtc/pcm", "tick/cold/cascade/pcm"];
