//! A picture for documents of how one figure depends on another: lines, SVG by hand.

use std::fmt;

use super::svg::escaped;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 308.0;
/// In order; dark enough on white, and unlike each other for those who see few colours.
const COLOURS: [&str; 6] = ["#0e7490", "#b45309", "#15803d", "#7c3aed", "#be123c", "#475569"];
/// Marks of the upright axis, at most.
const MARKS: f64 = 6.0;
/// About the width of a letter of the legend.
const LETTER: f64 = 7.0;

/// A line with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// For the legend. Plain text.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// A picture of lines; write it with `{}`. Both axes begin at zero, or at the least value if that is below.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    /// Above the picture. Plain text.
    pub title: &'a str,
    /// What is told along the lower axis, with its unit.
    pub across: &'a str,
    /// What is told along the upright axis, with its unit.
    pub up: &'a str,
    /// The lines; more than six share colours.
    pub series: &'a [Series],
    /// A value that should not be passed, with its name.
    pub limit: Option<(f64, &'a str)>,
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = Scale::of(self);
        writeln!(
            f,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="24" font-size="15" fill="#222">{}</text>"##,
            escaped(self.title)
        )?;
        self.legend(f)?;
        self.axes(f, &scale)?;
        if let Some((value, name)) = self.limit {
            let (y, text_y, right) = (scale.y(value), scale.y(value) - 5.0, WIDTH - RIGHT);
            writeln!(
                f,
                r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#dc2626" stroke-dasharray="6 4"/><text x="{right}" y="{text_y:.1}" text-anchor="end" fill="#dc2626">{}</text>"##,
                escaped(name)
            )?;
        }
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            line(f, series, colour, &scale)?;
        }
        writeln!(f, "</svg>")
    }
}

impl Lines<'_> {
    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut x = LEFT;
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            let (to, text) = (x + 18.0, x + 24.0);
            writeln!(
                f,
                r##"<path d="M{x:.1} 43H{to:.1}" stroke="{colour}" stroke-width="3"/><text x="{text:.1}" y="47" fill="#444">{}</text>"##,
                escaped(&series.name)
            )?;
            x = text + series.name.chars().count() as f64 * LETTER + 16.0;
        }
        Ok(())
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>, scale: &Scale) -> fmt::Result {
        let right = WIDTH - RIGHT;
        let mut mark = (scale.low / scale.step).ceil() * scale.step;
        while mark <= scale.high + scale.step * 1e-6 {
            let (y, text_x, text_y) = (scale.y(mark), LEFT - 8.0, scale.y(mark) + 4.0);
            let digits = usize::from(scale.step < 1.0);
            writeln!(
                f,
                r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#e5e7eb"/><text x="{text_x}" y="{text_y:.1}" text-anchor="end" fill="#444">{mark:.digits$}</text>"##
            )?;
            mark += scale.step;
        }
        for at in self.places() {
            let (x, text_y) = (scale.x(at), BOTTOM + 20.0);
            writeln!(
                f,
                r##"<path d="M{x:.1} {BOTTOM}v6" stroke="#666"/><text x="{x:.1}" y="{text_y}" text-anchor="middle" fill="#444">{at}</text>"##
            )?;
        }
        let (middle, name_y, upright) = ((LEFT + right) / 2.0, HEIGHT - 10.0, (TOP + BOTTOM) / 2.0);
        writeln!(
            f,
            r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{right}" stroke="#666" fill="none"/>
<text x="{middle}" y="{name_y}" text-anchor="middle" fill="#444">{}</text>
<text x="18" y="{upright}" text-anchor="middle" fill="#444" transform="rotate(-90 18 {upright})">{}</text>"##,
            escaped(self.across),
            escaped(self.up)
        )
    }

    /// Where the lines have their points, each once.
    fn places(&self) -> Vec<f64> {
        let mut places: Vec<f64> = self.points().map(|(x, _)| x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.series.iter().flat_map(|series| series.points.iter().copied())
    }
}

fn line(f: &mut fmt::Formatter<'_>, series: &Series, colour: &str, scale: &Scale) -> fmt::Result {
    write!(f, r##"<g fill="{colour}"><polyline fill="none" stroke="{colour}" stroke-width="2" points=""##)?;
    for (n, (x, y)) in series.points.iter().enumerate() {
        let space = if n == 0 { "" } else { " " };
        write!(f, "{space}{:.1},{:.1}", scale.x(*x), scale.y(*y))?;
    }
    write!(f, r##""/>"##)?;
    for &(x, y) in &series.points {
        write!(
            f,
            r##"<circle cx="{:.1}" cy="{:.1}" r="3.5"><title>{x}: {y:.1}</title></circle>"##,
            scale.x(x),
            scale.y(y)
        )?;
    }
    writeln!(f, "</g>")
}

struct Scale {
    right: f64,
    low: f64,
    high: f64,
    /// Between two marks of the upright axis.
    step: f64,
}

impl Scale {
    fn of(lines: &Lines<'_>) -> Self {
        let limit = lines.limit.map_or(0.0, |(value, _)| value);
        let (mut right, mut low, mut high) = (0.0_f64, 0.0_f64, limit);
        for (x, y) in lines.points() {
            (right, low, high) = (right.max(x), low.min(y), high.max(y));
        }
        if high <= low {
            // Nothing but zeros: any height will do.
            high = low + 1.0;
        }
        let rough = (high - low) / MARKS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * power);
        let whole = |value: f64| (value / step).ceil() * step;
        Self { right: right.max(1e-9) * 1.04, low: -whole(-low), high: whole(high), step }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + (WIDTH - RIGHT - LEFT) * at / self.right
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (value - self.low) / (self.high - self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[(f64, f64)], limit: Option<(f64, &str)>) -> String {
        let series = [Series { name: "a <b>".to_owned(), points: points.to_vec() }];
        Lines { title: "t & t", across: "calls", up: "ms", series: &series, limit }.to_string()
    }

    #[test]
    fn lines_fill_the_picture_and_text_is_no_markup() {
        let svg = drawn(&[(50.0, 20.0), (500.0, 10.0)], None);
        assert!(svg.contains("t &amp; t") && svg.contains("a &lt;b&gt;"), "{svg}");
        assert!(svg.contains(&format!("points=\"{:.1},{TOP:.1}", LEFT + 712.0 * 50.0 / 520.0)), "{svg}");
        assert!(svg.contains(">50</text>") && svg.contains(">500</text>"), "{svg}");
        for mark in ["0", "5", "10", "15", "20"] {
            assert!(svg.contains(&format!("fill=\"#444\">{mark}</text>")), "{mark}: {svg}");
        }
    }

    #[test]
    fn a_limit_is_in_the_picture_and_early_is_below_zero() {
        let svg = drawn(&[(1.0, -3.0), (2.0, 4.0)], Some((20.0, "one frame")));
        assert!(svg.contains("one frame") && svg.contains(">-5</text>") && svg.contains(">20</text>"), "{svg}");
        let flat = drawn(&[(0.0, 0.0)], None);
        assert!(!flat.contains("NaN") && !flat.contains("inf"), "{flat}");
    }
}
