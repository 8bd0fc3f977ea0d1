//! A bar for each row and series.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Data, short};
use crate::render::units;

/// Rows that are drawn: a few screens of bars.
const MOST_BARS: usize = 200;

/// Colours of the series: blue, yellow, green, magenta, cyan, red.
pub(super) const COLOURS: [&str; 6] = ["34", "33", "32", "35", "36", "31"];

/// Parts of a character's width that a bar ends with.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn draw(data: &Data) -> String {
    let rows = data.labels.len().min(MOST_BARS);
    let series_width = if data.series.len() > 1 { data.series.iter().map(|series| series.name.width()).max().unwrap_or(0) + 1 } else { 0 };
    let longest = data.labels.iter().take(rows).map(|label| label.width()).max().unwrap_or(0).max(data.label_name.width());
    let label_width = longest.min(data.width / 3);
    let texts: Vec<Vec<String>> =
        data.series.iter().map(|series| series.values.iter().take(rows).map(|value| text(*value)).collect()).collect();
    let text_width = texts.iter().flatten().map(|text| text.width()).max().unwrap_or(0);
    let room = data.width.saturating_sub(label_width + series_width + text_width + 5).max(5);
    let values = || data.series.iter().flat_map(|series| series.values.iter().take(rows)).flatten().copied();
    let (least, most) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let scale = if most > least { room as f64 / (most - least) } else { 0.0 };
    let left = (-least * scale).round() as usize;
    let axis = if data.ascii { "|" } else { "│" };

    let names: Vec<&str> = data.series.iter().map(|series| series.name.as_str()).collect();
    let mut out = format!("{}  {}\n", fit(&data.label_name, label_width), names.join(", "));
    for (row, label) in data.labels.iter().enumerate().take(rows) {
        for (index, series) in data.series.iter().enumerate() {
            let label = if index == 0 { fit(label, label_width) } else { " ".repeat(label_width) };
            let name = if series_width > 0 { format!(" {:1$}", series.name, series_width - 1) } else { String::new() };
            let value = series.values[row].unwrap_or(0.0);
            let bar = bar(value.abs() * scale, data.ascii, value < 0.0);
            let bar_width = bar.width();
            let coloured = match data.colour {
                true => format!("\u{1b}[{}m{bar}\u{1b}[0m", COLOURS[index % COLOURS.len()]),
                false => bar,
            };
            let line = match value < 0.0 {
                true => format!("{}{coloured}{axis} {}", " ".repeat(left.saturating_sub(bar_width)), texts[index][row]),
                false => format!("{}{axis}{coloured} {}", " ".repeat(left), texts[index][row]),
            };
            out.push_str(&format!("{label}{name} {line}\n"));
        }
    }
    if data.labels.len() > rows {
        out.push_str(&format!("  {} (the first {rows} shown)\n", units::counted(data.labels.len() as u64, "row")));
    }
    out
}

fn text(value: Option<f64>) -> String {
    value.map_or_else(|| "NULL".to_owned(), short)
}

/// A bar of so many characters.
fn bar(length: f64, ascii: bool, is_left: bool) -> String {
    if ascii || is_left {
        return if ascii { "#" } else { "█" }.repeat(length.round() as usize);
    }
    let eighths = (length * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// Text of exactly this width.
fn fit(text: &str, width: usize) -> String {
    let mut taken = 0;
    let mut shown = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if taken + wide > width {
            break;
        }
        taken += wide;
        shown.push(c);
    }
    shown + &" ".repeat(width - taken)
}
