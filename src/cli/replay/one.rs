//! One recording: its sides, its side-car, its call, and what was expected of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use quietline::{
    assistant::{HangupTool, Settings, SilenceTimeout},
    recording::{self, Channel, Recording},
    replay::{Checked, Outcome, Replay, SideCar, Verdicts},
    report,
};

use super::ReplayArgs;
use crate::cli::{beside, wav};

/// What the command line says for every recording, checked.
#[derive(Debug)]
pub(super) struct Player<'a> {
    args: &'a ReplayArgs,
    silence_timeout: Option<SilenceTimeout>,
}

/// What came of a recording that could be read.
#[derive(Debug)]
pub(super) struct Played {
    /// The call; its audio is taken out, it may be long.
    pub(super) outcome: Outcome,
    /// What the call was played with.
    pub(super) settings: Settings,
    /// What QA expected.
    pub(super) checked: Vec<Checked>,
    /// Everything that is not as it must be, a line each.
    pub(super) failures: Vec<String>,
    /// What a reader of the result has to know.
    pub(super) notes: Vec<&'static str>,
    /// The call's part of a report, if one is wanted.
    pub(super) report: Option<report::Call>,
}

/// Both sides of a call, at 8 kHz.
struct Sides {
    caller: Vec<i16>,
    agent: Option<Vec<i16>>,
}

impl<'a> Player<'a> {
    /// # Errors
    /// A text for the user: a setting out of its bounds.
    pub(super) fn new(args: &'a ReplayArgs) -> Result<Self, String> {
        let timeout = args.silence_timeout.map(|seconds| {
            let timeout = std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX);
            SilenceTimeout::new(timeout).map_err(|error| error.to_string())
        });
        Ok(Self { args, silence_timeout: timeout.transpose()? })
    }

    /// Plays a recording.
    ///
    /// # Errors
    /// A text for the user: why it cannot be played.
    pub(super) fn play(&self, path: &Path) -> Result<Played, String> {
        let side_car = self.side_car(path)?;
        let settings = self.settings(&side_car)?;
        let is_mixed = beside::is_mixed(path);
        let verdicts = self.args.verdict.or(side_car.settings.verdict).unwrap_or_default();
        if verdicts == Verdicts::Truth && side_car.truth.is_none() {
            return Err("--verdict truth needs a truth file with `caller_speech`: NAME.json beside the recording, or \
                        --truth FILE"
                .into());
        }
        let Sides { caller, agent } = self.sides(path)?;
        let replay = Replay {
            settings: settings.clone(),
            detector: self.args.detector.or(side_car.settings.detector).unwrap_or_default(),
            verdicts,
            caller,
            agent,
            truth: side_car.truth.map(|truth| if is_mixed { truth.of_mixed() } else { truth }),
        };
        let mut outcome = replay.run()?;
        self.write_wav(path, &outcome)?;
        let reported = self.args.report.as_ref().map(|_| report::Call::of(&path.to_string_lossy(), &replay, &outcome));
        // Long, and told by now.
        (outcome.audio, outcome.trace) = Default::default();
        let checked = side_car.expect.map(|expect| expect.check(&outcome, self.args.tolerance)).unwrap_or_default();
        let failures = self.failures(&outcome, &checked);
        let note = "both voices are in one track, and both are taken for the caller's; `quietline audit` is made for \
                    such recordings";
        let notes = if is_mixed { vec![note] } else { Vec::new() };
        let unmet = failures.iter().filter(|failure| !outcome.rules.broken.contains(failure)).cloned();
        let report = reported.map(|call| call.with_failures(unmet));
        Ok(Played { outcome, settings, checked, failures, notes, report })
    }

    fn side_car(&self, path: &Path) -> Result<SideCar, String> {
        let Some(file) = self.args.truth.clone().or_else(|| beside::side_car(path)) else {
            return Ok(SideCar::default());
        };
        let json = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        SideCar::parse(&json).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// The side-car's settings, and over them those of the command line.
    fn settings(&self, side_car: &SideCar) -> Result<Settings, String> {
        let mut settings = Settings::default();
        side_car.settings.apply(&mut settings).map_err(|error| format!("the side-car's settings: {error}"))?;
        if let Some(timeout) = self.silence_timeout {
            settings.silence_timeout = timeout;
        }
        if self.args.hangup_call && settings.hangup_call.is_none() {
            settings.hangup_call = Some(HangupTool::default());
        }
        settings.check().map_err(|error| error.to_string())?;
        Ok(settings)
    }

    fn sides(&self, path: &Path) -> Result<Sides, String> {
        let recording = read(path)?;
        let (callers, agents) = match self.args.caller_channel {
            Some(side) if recording.channels.len() == 2 => (side.channel(), Some(side.other())),
            Some(_) => (Channel::Mix, None),
            None if is_stereo(&recording) => return Err(STEREO.into()),
            None => (Channel::Mix, None),
        };
        let caller = at_8_khz(&recording, callers)?;
        let agent = match (&self.args.bot, agents) {
            (Some(bot), _) => Some(track(bot)?),
            (None, _) if self.args.no_bot => None,
            (None, Some(side)) => Some(at_8_khz(&recording, side)?),
            (None, None) => beside::agents_side(path).as_deref().map(track).transpose()?,
        };
        Ok(Sides { caller, agent })
    }

    fn write_wav(&self, path: &Path, outcome: &Outcome) -> Result<(), String> {
        let Some(folder) = &self.args.wav else { return Ok(()) };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file: PathBuf = folder.join(format!("{name}.replay.wav"));
        let (said, heard) = &outcome.audio;
        wav::write(&file, said, heard, said.len()).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn failures(&self, outcome: &Outcome, checked: &[Checked]) -> Vec<String> {
        let mut failures = outcome.rules.broken.clone();
        failures.extend(checked.iter().filter(|checked| !checked.met).map(Checked::to_string));
        if let (Some(most), Some(error)) = (self.args.tolerance_truth, outcome.truth_error_ms)
            && error.abs() > most
        {
            failures.push(format!("truth error: at most {most} ms are allowed, got {error:+.1} ms"));
        }
        failures
    }
}

const STEREO: &str = "it is stereo, one side being the caller's and one the agent's: say which with --caller-channel \
                      left (or right); if both voices are on both sides, `quietline audit` is made for it";

/// Two sides that differ. (Telephones save a mono call as stereo, too.)
fn is_stereo(recording: &Recording) -> bool {
    let [left, right] = recording.channels.as_slice() else { return false };
    let power = |samples: &mut dyn Iterator<Item = f32>| samples.map(|x| f64::from(x * x)).sum::<f64>();
    let difference = power(&mut left.iter().zip(right).map(|(l, r)| l - r));
    let sum = power(&mut left.iter().chain(right).copied());
    // 30 dB below what is heard: a coder's noise.
    difference > 1e-3 * sum
}

fn track(path: &Path) -> Result<Vec<i16>, String> {
    at_8_khz(&read(path)?, Channel::Mix).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<Recording, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    recording::read(bytes, &name).map_err(|error| error.to_string())
}

fn at_8_khz(recording: &Recording, channel: Channel) -> Result<Vec<i16>, String> {
    recording.telephone(channel).map_err(|error| error.to_string())
}
