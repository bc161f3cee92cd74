//! quietline joins a phone call to a realtime speech model, and is the one that *knows when a caller has gone quiet*.
//!
//! This page is the map: what a call looks like from above, where everything lives, and the invariants with the tests
//! that hold them.
//!
//! # Bird's-eye view
//!
//! ```text
//!            carrier events                                       model events
//!                  │                                                   │
//!                  ▼                                                   ▼
//! ┌─────────────────────────── session::Session (one call, sans-IO) ───────────────────────────┐
//! │  media::MediaPath (what is heard)              call::Call (what happens)                    │
//! │  inbound: ring ▸ decode ▸ VAD ▸ talkspurts ──▶ turns, verdicts, answer owed                 │
//! │  feed:    history ▸ resample ▸ model           silence::Window: pauses, charges, deadline   │
//! │  outbound: backlog ▸ mix ▸ line ◀───────────── barge-in, endings, farewell, hang-up         │
//! └─────────────────────────────────────────────────────────────────────────────────────────────┘
//!                  │                                                   │
//!                  ▼                                                   ▼
//!           carrier commands          ledger, record             model commands
//! ```
//!
//! A [`session::Session`] is one call: values go in, values come out, time is an argument. Drivers move the values:
//! [`lab::World`] on virtual time (replay, `demo --fast`, most tests) and [`live`] on sockets, both on exactly this code.
//!
//! # What happens in a tick
//!
//! [`session::Session::tick`] is called every 20 ms. A shard has all its calls offer the frame that has come first
//! ([`session::Session::offer`]), so that the neural detector's work for all of them is one [`vad::Batch`]; that changes no
//! answer. Then:
//!
//! 1. up to [`media::FRAMES_PER_TICK`] inbound frames: µ-law to linear, detector, talkspurts, each told to the call;
//! 2. [`call::Call::decide`]: verdicts, pauses, timers, barge-in, reminder, **the silence deadline**, endings under
//!    way; what is decided is carried out at once, so the goodbye's first frame leaves in the tick in which the
//!    deadline falls;
//! 3. outbound: agent frames up to the lead, mixing, marks, estimates where marks are missing;
//! 4. caller audio that is due goes to the model.
//!
//! # From the telephone to a session and back
//!
//! A webhook (`live/routes.rs`, signature checked) is answered with a document that holds a one-time token
//! (`live/answers.rs`, [`carrier::twilio::token`]). The carrier opens a WebSocket; its handshake is checked, its `start`
//! waited for and its token read (`live/doorway.rs`), and the supervisor says whether it begins a call, takes the place
//! of a broken stream, or is refused. A call then lives on one shard (`live/shard.rs`): its socket ([`net::websocket`]), its
//! [`session::Session`], its [`carrier::Carrier`] and [`model::Model`], which are state machines without sockets; their
//! requests are values of [`wire`], made in the slow world by [`net::client`].
//!
//! # Where do I change …
//!
//! | … | touch only |
//! |---|---|
//! | the voice detector | [`vad`] (a file, a variant of [`vad::Detector`], a line in [`vad::build`]) |
//! | when to say goodbye | [`call`] (`quiet.rs`: the decision; `farewell.rs`: what takes it back), [`silence`] (the arithmetic) |
//! | what is taken for our own echo | [`media`] (`echo/`) |
//! | how the goodbye sounds over speech | [`mix`] |
//! | what the goodbye says by default | [`tts`] and `fixtures/voices` |
//! | a vendor of voices | [`tts`] (a folder, a variant of [`tts::Voice`]) |
//! | when a phrase is rendered, and what stands in for it | [`voices`] |
//! | a carrier | [`carrier`] (words), its own folder (wire) |
//! | a model | [`model`] (words), its own folder (wire) |
//! | what an assistant can do | [`intent`] (over HTTP), `call/wait.rs`, `call/transfer.rs`, [`model::Tool`] (built in) |
//! | what operators may do, and what it does | [`desk`]; how they ask: [`api`], `cli/desk` |
//! | what is kept, and where | [`store`] (a folder of SQL for both databases) |
//! | which texts are answered, and how | [`text`] |
//! | what a setting allows | [`assistant`]; what the server's file calls it: [`config`] |
//! | what a capture holds | [`session::capture`]; what is replayed of it: [`replay::capture`] |
//! | what an audit finds in a recording | [`audit`] |
//! | what QA may expect of a replay | `replay/expect`, `replay/side_car` |
//! | how a call is drawn | [`chart`]; what the page around it offers: [`report`] |
//! | which words are a farewell | `call/phrases/*.txt` |
//!
//! # Modules, from the bottom up
//!
//! * vocabulary: [`time`] (call time, media time, timers), [`audio`] (frames, rates, levels), [`wire`] (requests and
//!   their answers as values);
//! * parts: [`codec`] (G.711), [`resample`], [`vad`], [`silence`], [`mix`], [`ring`], [`recording`] (m4a, MP3, WAV, …);
//! * [`assistant`] (settings), [`carrier`] and [`model`] (the peers as values), [`tts`] (voices);
//! * [`audit`] (recordings with both voices in one track, held against the rules);
//! * [`call`] (control plane), [`media`] (data plane; it implements the port that the call defines), [`session`] (both);
//! * [`chart`] (a call as a picture, for pages and documents);
//! * [`intent`] (what an assistant can do over HTTP), [`store`] (what outlives the process);
//! * [`config`] (the server's file and environment; assistants as documents);
//! * drivers: [`net`] (sockets, HTTP, the one clock), [`voices`] (phrases rendered and kept), [`live`] (the gateway),
//!   [`text`] (text messages, answered),
//!   [`lab`] (stand-ins for carrier, model and voices, pure and on sockets), [`replay`] (recordings and the demo's
//!   scenarios), [`report`] (a page of what a replay came to);
//! * for operators: [`desk`] (assistants, numbers, calls, tokens, on a thread of its own) and [`api`] (the same over HTTP);
//! * the command: `main.rs` and `cli/`.
//!
//! Who may import whom is a table in `tests/it/layering.rs`, reviewed like code.
//!
//! # Why can this not …
//!
//! **… deadlock?** There is no lock, and nothing waits: a session is a value on one thread that is given inputs and
//! asked for outputs. Every wait *of a call* (for a mark, a transcript, an answer, REST) is an entry of
//! [`time::TimerTable`] with a bound of its own.
//!
//! **… allocate in a tick?** Rings, queues, detectors and resamplers are made by [`session::Session::new`] with room for
//! what one tick brings; renderings are shared, not copied; outputs are values without heap. What more is needed, now and
//! then, is taken and given back between ticks: the agent's backlog and a burst of the caller's audio where they arrive
//! ([`session::Session::handle_input`]), all else by [`session::Session::make_room`]. So a call holds memory for what it is
//! doing, not for the most that it could do.
//!
//! **… lose a goodbye?** It is rendered before it is needed ([`voices`]: by the configured voice, else the other one, else
//! a built-in recording) and kept on disk, sent whole at once (a stall of ours cannot interrupt it),
//! a terminal mark tells when it was heard, and only that, or its bound, leads to the hang-up. If nothing was rendered
//! the carrier itself speaks the text. The agent's own audio is cleared away first, so nothing plays after it.
//!
//! **… keep a dead line open?** The window exists from the first frame on and nothing has to arm it. What may hold it
//! has a name and a cap; noise has a budget; whatever happens, `max_duration` ends the call, and a hang-up that is
//! not confirmed is retried and then recorded as such.
//!
//! # Invariants, and the tests that hold them
//!
//! 1. Imports follow the edge table, without a cycle: `tests/it/layering.rs`.
//! 2. Pure modules do no I/O and read no clock: the same file, and `clippy.toml`.
//! 3. Every fixture replays to equal output, twice in a row and as checked in: `tests/it/golden.rs`.
//! 4. Every timer that is set is seen by `poll_timeout` with its reason, and handling it clears or moves it:
//!    `tests/it/timers.rs`; in every [`lab::World`] by assertion.
//! 5. A tick neither allocates nor frees, and a call stays small: `tests/no_alloc.rs`, which also prints what its parts cost.
//! 6. Every queue has a capacity, and every drop a counter: tests of [`ring`] and `media`.
//! 7. Arbitrary bytes from carrier, model or a file never panic: proptests in `tests/it`, [`recording`], [`codec`],
//!    [`carrier::twilio`], [`model::openai`], [`tts`].
//! 8. Each detector passes the contract of [`vad::Vad`]: `vad/tests.rs`; each voice that of [`tts::Rendering`], and its
//!    requests validate against the vendor's schema: `tts/tests.rs`, over sockets `tests/it/voices.rs`.
//! 9. Unknown keys and values out of range stop the start, with line, name and both bounds: [`assistant`], [`config`].
//! 10. Every call ends, once, within its bound, and never inside a talkspurt that the rules protect:
//!     `tests/it/property.rs`, against a plain reference model; the concrete situations: `tests/it/situations.rs`.
//! 11. Each message to a carrier or a model validates against its schema, and no secret is shown by `Debug`, in an error
//!     or in a log: tests of [`carrier::twilio`] and [`model::openai`]; on sockets the lab checks every message, both
//!     ways: `tests/it/live`, `tests/it/lab_openai`, `tests/it/lab_voices`.
//! 12. Nothing is opened for a request without a right signature, and a token lets one stream of one call in, once:
//!     `tests/it/live/doors.rs`.
//! 13. A process that dies leaves no caller without a word: `tests/it/live/process.rs`.
//! 14. A call comes to the same decisions on sockets as on virtual time: `quietline demo --scenario all`.
//! 15. The neural detector's scores are those of the reference arithmetic, and the same bits alone and in a batch:
//!     `vad/silero/tests.rs`.
//! 16. A captured call comes to the same decisions, byte for byte: `replay/capture/tests.rs`, every call of
//!     `tests/it/live/room.rs`, `tests/it/captures.rs`.
//! 17. One contract holds both databases, and what is acknowledged survives `kill -9`: `tests/it/store`.
//! 18. What is published, assigned and kept is still there after a restart, and the telephone rings through to it:
//!     `tests/it/desk`.
//! 19. What stands in a name, a failure or a truth file is never markup or script in a report: `tests/it/report.rs`.
//!
//! # Where the design was left
//!
//! * The agent's audio is not a plain playout ring but a backlog with absolute positions (`media/backlog.rs`):
//!   resuming after a false barge-in, truncation, and the frame under a farewell need audio that was sent but not
//!   heard.
//! * [`silence::Window`] reckons in call time, not samples: speech boundaries are converted once, and marks, digits and
//!   tools have no media time.
//! * A shard polls the sockets of its calls itself, a millisecond apart, instead of running a task for each: one wake for
//!   all that has come, and no queue between socket and tick but the session's own ring. The rings between shard and slow
//!   world are tokio's bounded channels: a request is made once or twice a call.
//! * The silence decision waits for the media before the deadline but for the half frame that may not be there yet
//!   (`call/quiet.rs`): a frame comes when it is over, and waiting for its end would use up the 20 ms that the goodbye has.
//! * `media` imports `call`'s port types (`call/port.rs`): the control plane says what it needs.

#![forbid(unsafe_code)]

pub mod api;
pub mod assistant;
pub mod audio;
pub mod audit;
pub mod call;
pub mod carrier;
pub mod chart;
pub mod codec;
pub mod config;
pub mod desk;
pub mod intent;
pub mod lab;
pub mod live;
pub mod media;
pub mod mix;
pub mod model;
pub mod net;
pub mod recording;
pub mod replay;
pub mod report;
pub mod resample;
pub mod ring;
pub mod session;
pub mod silence;
pub mod store;
pub mod text;
pub mod time;
pub mod tts;
pub mod vad;
pub mod voices;
pub mod wire;
