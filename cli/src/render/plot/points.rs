//! Points, and lines between them, in the field between two axes.

use unicode_width::UnicodeWidthStr;

use super::bars::COLOURS;
use super::canvas::Canvas;
use super::{Data, Kind, short};

/// Lines of a plot.
const HEIGHT: usize = 16;

pub(super) fn draw(data: &Data) -> String {
    let positions = data.positions.as_deref().unwrap_or_default();
    let ys = || data.series.iter().flat_map(|series| &series.values).flatten().copied();
    let (low, high) = range(ys());
    let (first, last) = range(positions.iter().flatten().copied());
    let labels: Vec<String> = (0..HEIGHT)
        .map(|row| if row % 5 == 0 { short(high - (high - low) * row as f64 / (HEIGHT - 1) as f64) } else { String::new() })
        .collect();
    let label_width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let width = data.width.saturating_sub(label_width + 3).max(10);
    // Dots of several series in one character cannot be told apart without colours.
    let mut canvas = Canvas::new(width, HEIGHT, data.ascii || (data.series.len() > 1 && !data.colour));
    let (across, down) = canvas.dots();
    let place = |x: f64, y: f64| {
        let share = |value: f64, from: f64, to: f64, dots: usize| ((value - from) / (to - from) * (dots - 1) as f64).round() as usize;
        (share(x, first, last, across), down - 1 - share(y, low, high, down))
    };
    for (index, series) in data.series.iter().enumerate() {
        let mut points: Vec<(f64, f64)> = positions.iter().zip(&series.values).filter_map(|(x, y)| Some(((*x)?, (*y)?))).collect();
        if data.kind != Kind::Scatter {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points.windows(2).for_each(|pair| canvas.line(place(pair[0].0, pair[0].1), place(pair[1].0, pair[1].1), index));
        }
        points.iter().map(|(x, y)| place(*x, *y)).for_each(|(x, y)| canvas.set(x, y, index));
    }
    let colour = |series: usize| format!("\u{1b}[{}m", COLOURS[series % COLOURS.len()]);
    let colour: Option<&dyn Fn(usize) -> String> = if data.colour { Some(&colour) } else { None };
    let mut out = legend(data);
    let (axis, tick) = if data.ascii { ("|", "+") } else { ("│", "┤") };
    for (row, label) in labels.iter().enumerate() {
        let axis = if label.is_empty() { axis } else { tick };
        out.push_str(&format!("{}{label} {axis}{}\n", " ".repeat(label_width - label.width()), canvas.row(row, colour)));
    }
    let (corner, line) = if data.ascii { ("+", "-") } else { ("└", "─") };
    out.push_str(&format!("{} {corner}{}\n", " ".repeat(label_width), line.repeat(width)));
    out.push_str(&ends(data, positions, label_width + 2, width));
    out
}

/// The names of the series, with the marks or colours they are drawn in.
fn legend(data: &Data) -> String {
    let names: Vec<String> = data
        .series
        .iter()
        .enumerate()
        .map(|(index, series)| match (data.series.len(), data.colour) {
            (1, _) => series.name.clone(),
            (_, true) => format!("\u{1b}[{}m{}\u{1b}[0m", COLOURS[index % COLOURS.len()], series.name),
            (_, false) => format!("{} {}", Canvas::mark(index), series.name),
        })
        .collect();
    format!("{}\n", names.join("   "))
}

/// What the axis begins and ends with, and its name between them.
fn ends(data: &Data, positions: &[Option<f64>], indent: usize, width: usize) -> String {
    let at = |wanted: fn(f64, f64) -> bool| {
        let mut found: Option<(usize, f64)> = None;
        for (row, position) in positions.iter().enumerate() {
            if let Some(position) = position
                && found.is_none_or(|(_, best)| wanted(*position, best))
            {
                found = Some((row, *position));
            }
        }
        found.map_or("", |(row, _)| data.labels[row].as_str())
    };
    let (first, last) = (at(|a, b| a < b), at(|a, b| a > b));
    let room = width.saturating_sub(first.width() + last.width());
    let name = if data.label_name.width() + 2 <= room { data.label_name.as_str() } else { "" };
    let before = room.saturating_sub(name.width()) / 2;
    let after = room.saturating_sub(name.width() + before);
    let line = format!("{}{first}{}{name}{}{last}", " ".repeat(indent), " ".repeat(before), " ".repeat(after));
    format!("{}\n", line.trim_end())
}

/// The least and the greatest, never the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    match high > low {
        true => (low, high),
        false if low.is_finite() => (low - 0.5, low + 0.5),
        false => (0.0, 1.0),
    }
}
