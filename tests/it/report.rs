//! The report of a replay, in a real browser, opened as a file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use fantoccini::{
    Locator,
    actions::{
        InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction, WheelAction, WheelActions,
    },
    key::Key,
};
use quietline::{
    call::{Cause, LedgerEntry},
    codec::mulaw,
    replay::{Outcome, Replay, Truth},
    report::{self, Call},
};
use serde_json::{Value, json};

use super::browser::Browser;

/// A folder of its own for a test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn replay(args: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_quietline"))
        .arg("replay")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    (run.status.code(), String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap())
}

fn fixture(name: &str) -> (Replay, Outcome) {
    let read = |file: String| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file)).unwrap();
    let sound = |side: &str| read(format!("{name}.{side}.ulaw")).into_iter().map(mulaw::decode).collect();
    let truth = Truth::parse(&read(format!("{name}.json"))).unwrap();
    let replay = Replay { caller: sound("caller"), agent: Some(sound("bot")), truth: Some(truth), ..Replay::default() };
    let outcome = replay.run().unwrap();
    (replay, outcome)
}

async fn open(browser: &Browser, folder: &Path, hash: &str) {
    browser.client.goto(&format!("file://{}/index.html#{hash}", folder.display())).await.unwrap();
    drawn(browser).await;
}

/// Waits until what was asked for is drawn.
async fn drawn(browser: &Browser) {
    browser.until("return shown.chart.frames.drawn > 0 && shown.chart.asked === null").await;
}

/// The part of the call that is shown, milliseconds.
async fn view(browser: &Browser) -> (f64, f64) {
    let view = browser.run("return [shown.chart.view.from, shown.chart.view.to]").await;
    (view[0].as_f64().unwrap(), view[1].as_f64().unwrap())
}

/// Where a moment is in the window, in the caller's row.
async fn place(browser: &Browser, ms: f64) -> (f64, f64) {
    let at = browser
        .run(&format!(
            "const box = shown.chart.canvas.getBoundingClientRect(); return [box.left + shown.chart.x({ms}), box.top + 80]"
        ))
        .await;
    (at[0].as_f64().unwrap().round(), at[1].as_f64().unwrap().round())
}

fn mouse() -> MouseActions {
    MouseActions::new("mouse".into())
}

fn to((x, y): (f64, f64)) -> PointerAction {
    PointerAction::MoveTo { duration: Some(Duration::from_millis(50)), x, y }
}

async fn drag(browser: &Browser, from_ms: f64, to_ms: f64) {
    let (from, until) = (place(browser, from_ms).await, place(browser, to_ms).await);
    let down = PointerAction::Down { button: MOUSE_BUTTON_LEFT };
    let up = PointerAction::Up { button: MOUSE_BUTTON_LEFT };
    let actions = mouse().then(to(from)).then(down).then(to(until)).then(up);
    browser.client.perform_actions(actions).await.unwrap();
    drawn(browser).await;
}

async fn wheel(browser: &Browser, ms: f64, delta_y: i64) {
    let (x, y) = place(browser, ms).await;
    let scroll = WheelAction::Scroll { duration: None, x: x as i64, y: y as i64, delta_x: 0, delta_y };
    browser.client.perform_actions(WheelActions::new("wheel".into()).then(scroll)).await.unwrap();
    drawn(browser).await;
}

async fn click(browser: &Browser, text: &str) {
    let path = format!("//button[normalize-space()='{text}']");
    browser.client.find(Locator::XPath(&path)).await.unwrap().click().await.unwrap();
}

async fn text(browser: &Browser, selector: &str) -> String {
    browser.client.find(Locator::Css(selector)).await.unwrap().text().await.unwrap()
}

/// How many pixels of the canvas have the colour of this name.
async fn pixels(browser: &Browser, colour: &str) -> u64 {
    let script = format!(
        "const {{ chart }} = shown;
         const probe = new OffscreenCanvas(1, 1).getContext('2d');
         probe.fillStyle = chart.colours().{colour};
         probe.fillRect(0, 0, 1, 1);
         const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
         const {{ width, height }} = chart.canvas;
         const copy = new OffscreenCanvas(width, height).getContext('2d', {{ willReadFrequently: true }});
         copy.drawImage(chart.canvas, 0, 0);
         const {{ data }} = copy.getImageData(0, 0, width, height);
         let found = 0;
         for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b) found++;
         return found;"
    );
    browser.run(&script).await.as_u64().unwrap()
}

/// JSON as a browser sees it: there, 600.0 and 600 are one number.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(keys) => keys.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

#[tokio::test]
async fn a_call_is_drawn_zoomed_and_marked() {
    let folder = scratch("marked");
    let files = ["fixtures/call-silence.caller.ulaw", "fixtures/call-echo.caller.ulaw", "no-such.wav"];
    let (code, said) = replay(&[files[0], files[1], files[2], "--report", folder.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    let picture = fs::read_to_string(folder.join("call-echo.caller.ulaw.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("line closed"));

    Browser::with("marked", (1400, 1200), async |browser| {
        open(browser, &folder, "call=call-silence.caller.ulaw").await;
        assert_eq!(text(browser, "#totals").await, "3 calls, 1 failed");
        for colour in ["caller", "heard", "score", "found", "truth", "window", "hangup"] {
            assert!(pixels(browser, colour).await > 20, "nothing is drawn in the colour of {colour}");
        }

        // Zoom keeps what is under the cursor where it is; dragging pans; a double click shows all.
        let whole = view(browser).await;
        wheel(browser, 14_000.0, -600).await;
        let near = view(browser).await;
        assert!(near.1 - near.0 < (whole.1 - whole.0) * 0.6, "{whole:?} {near:?}");
        let part = |(from, to): (f64, f64)| (14_000.0 - from) / (to - from);
        assert!((part(near) - part(whole)).abs() < 0.01, "{whole:?} {near:?}");
        drag(browser, 16_000.0, 14_000.0).await;
        let panned = view(browser).await;
        assert!((panned.0 - near.0 - 2_000.0).abs() < 100.0, "{near:?} {panned:?}");

        // Hovering tells the values.
        let at = place(browser, 17_000.0).await;
        browser.client.perform_actions(mouse().then(to(at))).await.unwrap();
        let tip = text(browser, ".ql-tip").await;
        assert!(["17.0", "probability 0.", "dBFS", "silence left 27."].iter().all(|it| tip.contains(it)), "{tip}");
        click(browser, "All").await;
        drawn(browser).await;
        assert_eq!(view(browser).await, whole);

        // The ledger leads into the chart.
        browser.run("shown.rows.at(-1).querySelector('button').click()").await;
        assert!(text(browser, ".readout").await.starts_with("49.4"), "{}", text(browser, ".readout").await);

        // A mark: not speech over the first stretch, speech where there was none; one too many is undone.
        click(browser, "Select by dragging").await;
        drag(browser, 1_000.0, 5_500.0).await;
        click(browser, "This was not speech").await;
        drag(browser, 20_000.0, 24_000.0).await;
        click(browser, "This was speech").await;
        drag(browser, 30_000.0, 31_000.0).await;
        click(browser, "This was speech").await;
        click(browser, "Undo").await;
        assert_eq!(browser.run("return document.querySelectorAll('.marks li').length").await, 2);
        assert!(pixels(browser, "marked").await > 20);
        click(browser, "Save call-silence.json").await;
        let saved = browser.downloaded("call-silence.json").await;
        assert_eq!(browser.complaints().await, [""; 0]);

        let truth = Truth::parse(&saved).unwrap();
        let before: Value = serde_json::from_slice(&fs::read("fixtures/call-silence.json").unwrap()).unwrap();
        let after: Value = serde_json::from_slice(&saved).unwrap();
        let first = truth.caller_speech[0].0;
        assert!(first > 5_500.0 && truth.caller_speech.len() == 3, "{:?}", truth.caller_speech);
        let [from, until] = [truth.caller_speech[2].0, truth.caller_speech[2].1];
        assert!((from - 20_000.0).abs() < 100.0 && (until - 24_000.0).abs() < 100.0, "{from} {until}");
        for key in ["name", "utterances", "files", "bot_speech"] {
            assert_eq!(plain(&after[key]), plain(&before[key]), "{key} is kept");
        }
        let file = folder.join("marked.json");
        fs::write(&file, &saved).unwrap();
        let (code, said) = replay(&[files[0], "--json", "--truth", file.to_str().unwrap()]);
        let line: Value = serde_json::from_str(said.trim()).unwrap();
        // The goodbye comes 30 s after 14.74 s; the marks say 24 s.
        assert!(code == Some(0) && line["truth_error_ms"].as_f64().unwrap() < -9_000.0, "{said}");
    })
    .await;
}

#[tokio::test]
async fn names_and_truth_files_cannot_do_anything_in_the_page() {
    let folder = scratch("hostile");
    let attacks = [
        "<img src=x onerror=document.title='broken'>.ulaw",
        "</script><script>document.title='broken'</script>",
        "../../<svg onload=\"document.title='broken'\">&amp;\u{0}.ulaw",
        "<!--<script>",
    ];
    let (mut replay, outcome) = fixture("call-echo");
    let attack = json!({ "caller_speech": [[1, 2]], "note": attacks.join(" ") }).to_string();
    replay.truth = Some(Truth::parse(attack.as_bytes()).unwrap());
    let calls: Vec<_> = attacks
        .iter()
        .map(|name| Call::of(name, &replay, &outcome).with_failures([format!("it should not be {name}")]))
        .chain([Call::unplayed(attacks[1], attacks[0])])
        .collect();
    report::write(&folder, &calls).unwrap();
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files.len(), 5, "{files:?}");

    Browser::with("hostile", (1000, 800), async |browser| {
        for (n, name) in attacks.iter().enumerate() {
            open(browser, &folder, &format!("call={n}")).await;
            browser.client.refresh().await.unwrap();
            drawn(browser).await;
            let title = browser.run("return document.title").await;
            assert!(title.as_str().unwrap().ends_with("quietline replay"), "{title}");
            assert_eq!(browser.run("return document.querySelector('h2').textContent").await, json!(name));
            assert_eq!(browser.run("return document.images.length + document.querySelectorAll('svg').length").await, 0);
            // A script that is not ours is refused even if it came in.
            browser.run("const s = document.createElement('script'); s.textContent = 'window.broken = 1'; document.body.append(s)").await;
            assert_eq!(browser.run("return window.broken ?? null").await, Value::Null);
        }
        let refused = browser.complaints().await;
        assert!(refused.iter().all(|it| it.contains("Content Security Policy")), "{refused:?}");
        for file in files.iter().filter(|file| file.to_string_lossy().ends_with(".svg")) {
            browser.client.goto(&format!("file://{}", folder.join(file).display())).await.unwrap();
            let root = browser.run("return [document.documentElement.tagName, document.querySelectorAll('script, img').length]").await;
            assert_eq!(root, json!(["svg", 0]), "{file:?}");
        }
    })
    .await;
}

/// An hour of a call: a fixture's minute again and again, with one ending.
fn hour() -> (Replay, Outcome) {
    let (replay, mut outcome) = fixture("call-silence");
    let minute = std::mem::take(&mut outcome.ledger);
    let (said, heard) = std::mem::take(&mut outcome.audio);
    let trace = std::mem::take(&mut outcome.trace);
    let repeats = 60 * 60 * 8_000 / said.len() as u64 + 1;
    for n in 0..repeats {
        outcome.audio.0.extend(&said);
        outcome.audio.1.extend(&heard);
        outcome.audio.1.resize(outcome.audio.0.len(), 0xff);
        outcome.trace.extend(&trace);
        let later = Duration::from_micros(n * said.len() as u64 * 125);
        let last = n + 1 == repeats;
        let ending =
            |cause: &Cause| matches!(cause, Cause::LineClosed { .. } | Cause::EndingBegan(_) | Cause::Announced { .. });
        outcome.ledger.extend(minute.iter().filter(|entry| last || !ending(&entry.cause)).map(|entry| LedgerEntry {
            at: entry.at + later,
            deadline: entry.deadline.map(|at| at + later),
            ..*entry
        }));
    }
    outcome.duration_ms = outcome.audio.0.len() as u64 / 8;
    (replay, outcome)
}

#[tokio::test]
async fn an_hour_is_small_and_moves_smoothly() {
    let folder = scratch("hour");
    let (replay, outcome) = hour();
    report::write(&folder, &[Call::of("hour.caller.ulaw", &replay, &outcome)]).unwrap();
    let size = fs::metadata(folder.join("index.html")).unwrap().len();
    assert!(size < 5_000_000, "{size} bytes");

    Browser::with("hour", (1400, 1100), async |browser| {
        open(browser, &folder, "").await;
        let (from, to) = view(browser).await;
        assert!(to - from > 3_590_000.0, "{from} {to}");
        assert!(pixels(browser, "caller").await > 1_000);
        // Down to a second and back along the whole call, a frame a step.
        browser
            .run(
                "const { chart } = shown;
                 chart.frames = { drawn: 0, worstMs: 0, totalMs: 0 };
                 let step = 0;
                 const next = () => {
                   step += 1;
                   if (step <= 60) chart.zoom(0.87, 1800000);
                   else if (step <= 120) chart.pan(chart.view.to - chart.view.from);
                   else if (step <= 180) chart.zoom(1.15, 600000);
                   else { window.walked = true; return; }
                   requestAnimationFrame(next);
                 };
                 next();",
            )
            .await;
        browser.until("return window.walked && shown.chart.asked === null").await;
        let frames = browser.run("return shown.chart.frames").await;
        let (drawn, worst) = (frames["drawn"].as_f64().unwrap(), frames["worstMs"].as_f64().unwrap());
        let mean = frames["totalMs"].as_f64().unwrap() / drawn;
        #[allow(clippy::print_stderr)]
        {
            eprintln!("an hour, {size} bytes: {drawn} frames, {mean:.1} ms each, the longest {worst:.1} ms");
        }
        // A picture of a sixtieth of a second is the aim; a shared machine gets twelve times as long.
        assert!(drawn >= 100.0 && mean < 200.0, "{frames}");
        assert_eq!(browser.complaints().await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn the_page_goes_by_keys_and_fits_a_phone() {
    let folder = scratch("phone");
    let (replay, outcome) = fixture("call-echo");
    report::write(&folder, &[Call::of("call-echo.caller.ulaw", &replay, &outcome)]).unwrap();
    Browser::with("phone", (500, 900), async |browser| {
        open(browser, &folder, "").await;
        let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_f64().unwrap() <= 0.0, "the page is {wide} pixels too wide");
        let unnamed = "return [...document.querySelectorAll('button, input')].filter((it) => !it.textContent && !it.ariaLabel && !it.labels?.length).length";
        assert_eq!(browser.run(unnamed).await, 0);
        browser.run("shown.chart.stage.focus()").await;
        let whole = view(browser).await;
        let press = |keys: &[char]| {
            let act = |actions: KeyActions, &value: &char| {
                actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
            };
            keys.iter().fold(KeyActions::new("keys".into()), act)
        };
        let right = char::from(Key::Right);
        browser.client.perform_actions(press(&[right, '+', '+'])).await.unwrap();
        drawn(browser).await;
        let near = view(browser).await;
        assert!(near.1 - near.0 < (whole.1 - whole.0) * 0.6, "{near:?}");
        assert!(text(browser, ".readout").await.contains("silence left"));
        let shift = char::from(Key::Shift);
        let select = KeyActions::new("keys".into())
            .then(KeyAction::Down { value: shift })
            .then(KeyAction::Down { value: right })
            .then(KeyAction::Up { value: right })
            .then(KeyAction::Up { value: shift });
        browser.client.perform_actions(select).await.unwrap();
        browser.client.perform_actions(press(&['s', '0'])).await.unwrap();
        drawn(browser).await;
        assert_eq!(view(browser).await, whole);
        assert_eq!(browser.run("return document.querySelectorAll('.marks li').length").await, 1);
        // Two fingers that part.
        browser
            .run(
                "const { canvas } = shown.chart, box = canvas.getBoundingClientRect();
                 const send = (type, pointerId, x) => canvas.dispatchEvent(new PointerEvent(type,
                   { pointerId, pointerType: 'touch', button: 0, clientX: box.left + x, clientY: box.top + 80, bubbles: true }));
                 send('pointerdown', 7, 100); send('pointerdown', 8, 200);
                 send('pointermove', 8, 300); send('pointerup', 8, 300); send('pointerup', 7, 100);",
            )
            .await;
        drawn(browser).await;
        let pinched = view(browser).await;
        let zoomed = (whole.1 - whole.0) / (pinched.1 - pinched.0);
        assert!((zoomed - 2.0).abs() < 0.05, "{zoomed}");
        assert_eq!(browser.complaints().await, [""; 0]);
    })
    .await;
}
