//! What the caller hears: agent and announcement, each with its gain.

use std::hint::black_box;

use quietline::{
    audio::{FRAME_SAMPLES, Frame},
    mix::Mixer,
};

use super::{
    Kernel,
    material::{self, FRAMES},
};

pub(crate) fn all() -> Vec<Kernel> {
    let ducked = || {
        let mut mixer = Mixer::default();
        mixer.duck_agent();
        // The ramp is over after three frames.
        (0..3).for_each(|_| mixer.mix(None, None, &mut [0; FRAME_SAMPLES]));
        mixer
    };
    vec![
        mix("mix/unity", Mixer::default, |mixer, agent, _, out| mixer.mix(Some(agent), None, out)),
        mix("mix/ducked", ducked, |mixer, agent, _, out| mixer.mix(Some(agent), None, out)),
        mix("mix/ducked-under", ducked, |mixer, agent, over, out| mixer.mix(Some(agent), Some(over), out)),
        mix("mix/cross-fade", Mixer::default, |mixer, agent, over, out| {
            mixer.reset();
            mixer.fade_out_agent();
            mixer.fade_in_announcement();
            mixer.mix(Some(agent), Some(over), out);
        }),
    ]
}

fn mix(name: &str, mixer: fn() -> Mixer, work: fn(&mut Mixer, &Frame, &Frame, &mut Frame)) -> Kernel {
    Kernel::again(name, FRAMES, move || {
        let (agent, over) = (material::linear(material::answer()), material::linear(&material::speech()));
        let (mut mixer, mut out) = (mixer(), [0; FRAME_SAMPLES]);
        move || {
            for (agent, over) in agent.iter().zip(&over) {
                work(&mut mixer, black_box(agent), black_box(over), black_box(&mut out));
            }
        }
    })
}
