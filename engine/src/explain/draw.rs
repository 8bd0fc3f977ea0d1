//! A tree of steps as text: what they are on the left, figures on the right.

use std::time::Duration;

use super::Run;
use super::node::Node;

/// Columns that lines take: what a terminal has at least.
const LINE: usize = 80;

/// Titles and details get so many columns at least, however deep they are and however wide the figures.
const NARROWEST: usize = 24;

/// Characters of a bar that stands for the whole time.
const BAR: usize = 20;

/// One line: the tree's part, and its figures.
struct Line {
    text: String,
    /// And the share of all time.
    figures: Option<([String; 3], f64)>,
}

/// The whole text.
pub(super) fn text(tree: &Node, run: Option<Run>) -> String {
    let total = tree.total_time();
    let mut widths = [0; 3];
    widest(tree, total, &mut widths);
    let taken: usize = widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum();
    let mut lines = Vec::new();
    lay_out(tree, ("", ""), total, LINE.saturating_sub(taken), &mut lines);
    let with_figures = lines.iter().filter(|line| line.figures.is_some());
    let width = with_figures.map(|line| line.text.chars().count()).max().unwrap_or(0);
    let room = LINE.saturating_sub(width + taken + 2).min(BAR);
    let mut out = String::new();
    if let Some(run) = run {
        out.push_str(&format!("{} in {}; {} of work\n\n", rows(run.rows), duration(run.elapsed), duration(total)));
    }
    for line in lines {
        let mut text = line.text;
        if let Some((figures, share)) = line.figures {
            text.push_str(&" ".repeat(width.saturating_sub(text.chars().count())));
            for (figure, width) in figures.iter().zip(widths) {
                if width > 0 {
                    text.push_str(&format!("  {}{figure}", " ".repeat(width - figure.chars().count())));
                }
            }
            text.push_str(&format!("  {}", "█".repeat((share * room as f64).round() as usize)));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// The widest figures of all steps.
fn widest(node: &Node, total: Duration, widths: &mut [usize; 3]) {
    for (width, figure) in widths.iter_mut().zip(&figures(node, total).0) {
        *width = (*width).max(figure.chars().count());
    }
    node.inputs.iter().for_each(|input| widest(input, total, widths));
}

/// Adds the lines of a step; `first` stands before its title, `rest` before what is below; `room` is where figures begin at the latest.
fn lay_out(node: &Node, (first, rest): (&str, &str), total: Duration, room: usize, lines: &mut Vec<Line>) {
    let below = if node.inputs.is_empty() { format!("{rest}   ") } else { format!("{rest}│  ") };
    let left = |room: usize, prefix: &str| room.saturating_sub(prefix.chars().count()).max(NARROWEST);
    // A title that is too long goes on below its first line, where the figures are.
    for (at, part) in wrapped(&node.title, left(room, first)).into_iter().enumerate() {
        lines.push(match at {
            0 => Line { text: format!("{first}{part}"), figures: Some(figures(node, total)) },
            _ => Line { text: format!("{below}{part}"), figures: None },
        });
    }
    let width = node.details.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in &node.details {
        for (at, part) in wrapped(text, left(LINE, &below).saturating_sub(width + 2)).into_iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            lines.push(Line { text: format!("{below}{name:width$}  {part}"), figures: None });
        }
    }
    if let Some(figures) = node.figures.filter(|figures| figures.spills > 0) {
        let text = format!("{} in {} files", bytes(figures.spilled_bytes), count(figures.spills));
        lines.push(Line { text: format!("{below}{:width$}  {text}", "spilled"), figures: None });
    }
    for (at, input) in node.inputs.iter().enumerate() {
        let is_last = at + 1 == node.inputs.len();
        let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lay_out(input, (&format!("{rest}{branch}"), &format!("{rest}{trunk}")), total, room, lines);
    }
}

/// Rows, time and share of all time, which is also told as a number.
fn figures(node: &Node, total: Duration) -> ([String; 3], f64) {
    let Some(figures) = node.figures else {
        let expected = node.estimated_rows.map_or_else(String::new, |expected| format!("~ {}", rows(expected as u64)));
        return ([expected, String::new(), String::new()], 0.0);
    };
    let share = if total.is_zero() { 0.0 } else { figures.time.as_secs_f64() / total.as_secs_f64() };
    let expected = match node.estimated_rows {
        Some(expected) if expected as u64 != figures.rows => format!(" (~ {})", count(expected as u64)),
        _ => String::new(),
    };
    ([format!("{}{expected}", rows(figures.rows)), duration(figures.time), format!("{:.0}%", share * 100.0)], share)
}

/// A text in lines of at most so many characters, broken at blanks; a longer word has a line of its own.
fn wrapped(text: &str, length: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.chars().count() + word.chars().count() < length => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn rows(rows: u64) -> String {
    format!("{} row{}", count(rows), if rows == 1 { "" } else { "s" })
}

/// A count with commas between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit of which there is at least one.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A duration with three digits or so.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..0.001 => format!("{:.0} µs", seconds * 1e6),
        ..0.9995 => format!("{:.1} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Figures;
    use super::*;

    #[test]
    fn a_tree_with_figures() {
        let figures = |milliseconds, rows| Some(Figures { time: Duration::from_millis(milliseconds), rows, ..Figures::default() });
        let scan = |table: &str, milliseconds| Node {
            title: format!("Scan {table}"),
            details: vec![("filter", "a > 1".to_owned())],
            estimated_rows: Some(2000),
            figures: figures(milliseconds, 1000),
            inputs: Vec::new(),
        };
        let tree = Node {
            title: "Inner join".to_owned(),
            details: vec![("on", "a = b".to_owned())],
            estimated_rows: Some(1),
            figures: figures(20, 1),
            inputs: vec![scan("t", 60), scan("u", 20)],
        };
        let run = Some(Run { elapsed: Duration::from_millis(55), rows: 1 });
        let expected = "\
1 row in 55.0 ms; 100.0 ms of work

Inner join                1 row  20.0 ms  20%  ████
│  on  a = b
├─ Scan t    1,000 rows (~ 2,000)  60.0 ms  60%  ████████████
│     filter  a > 1
└─ Scan u    1,000 rows (~ 2,000)  20.0 ms  20%  ████
      filter  a > 1
";
        let squeezed = |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
        assert_eq!(squeezed(&text(&tree, run)), squeezed(expected));
        let ends: Vec<usize> = text(&tree, run).lines().filter(|line| line.contains('%')).filter_map(|line| line.find("ms")).collect();
        assert!(ends.len() == 3, "{}", text(&tree, run));
    }
}
