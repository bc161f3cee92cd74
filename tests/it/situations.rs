//! Every row of the situations that needs no socket: concrete calls on virtual time.

use std::time::Duration;

use quietline::{
    assistant::Settings,
    audio::{Dbfs, Encoding, Frame},
    call::{AnnouncementKind, ModelTraits, Reason},
    lab::{Reply, ScriptedCarrier, ScriptedModel, Transcripts, Trouble, World},
    mix::Announcement,
    session::SessionConfig,
    time::Timestamp,
    vad::{Vad, VadFrame},
};

/// Voiced is what is louder than −45 dBFS: the scripts say exactly which frames are.
struct LevelVad;

impl Vad for LevelVad {
    fn process(&mut self, frame: &Frame) -> VadFrame {
        let voiced = Dbfs::of(frame).db() > -45.0;
        VadFrame { voiced, score: f32::from(u8::from(voiced)) }
    }

    fn reset(&mut self) {}
}

fn tone(ms: u64, db: f32) -> Vec<i16> {
    let amplitude = 32768.0 * 10f32.powf(db / 20.0);
    (0..ms * 8).map(|n| if n % 16 < 8 { amplitude as i16 } else { -amplitude as i16 }).collect()
}

#[test]
fn smoke() {
    let config = SessionConfig {
        settings: Settings::default(),
        model: ModelTraits { hears_speech: true, answers: true },
        encoding: Encoding::Mulaw,
    };
    let mut carrier = ScriptedCarrier::new(Timestamp::ZERO, Trouble::default());
    carrier.say(1000, &tone(1500, -20.0));
    let mut model = ScriptedModel::new(Encoding::Mulaw, Transcripts::None, Timestamp::ZERO);
    model.push(Reply::say(&tone(2000, -20.0), "I see."));
    let mut world = World::new(config, Box::new(LevelVad), carrier, model);
    let farewell = Announcement::render(&tone(4000, -20.0)).unwrap();
    world.render(AnnouncementKind::Farewell(quietline::assistant::FarewellKind::Silence), farewell);
    world
        .run(|_, entry| println!("{:>10} {} [{:?}]", entry.at, entry.cause, entry.deadline.map(|d| d.as_millis_f64())))
        .unwrap();
    println!("{:#?}", world.session.record());
    assert_eq!(world.session.record().reason, Some(Reason::Silence));
    let _ = Duration::ZERO;
}
