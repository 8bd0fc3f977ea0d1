//! The book that the program carries: its sections are found by their headings, and shown on a terminal.
//!
//! The pages are those of `docs/book/src/`, as they are when the program is built. A heading names what its section is about: `## SELECT`,
//! `### date_diff(part, start, end)`, `### left, substring`.

use clouddb_engine::functions::{Entry, catalogue};

/// Path and text of each page.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/book.rs"));

/// A part of the book: a heading and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    level: usize,
    /// What it goes by, in small letters.
    names: Vec<String>,
    text: &'static str,
}

/// The section about something: the one whose heading says exactly that.
fn find(words: &str) -> Option<Section> {
    let wanted = words.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(';').to_lowercase();
    let all = sections();
    let exact = all.iter().filter(|section| section.names.contains(&wanted)).max_by_key(|section| section.level);
    // `insert` alone is about INSERT INTO.
    let first_word = || all.iter().find(|section| section.names.iter().any(|name| name.split(' ').next() == Some(wanted.as_str())));
    exact.or_else(first_word).cloned()
}

/// What is known of a word: its section, or what the list of functions says of it.
pub(crate) fn text_about(words: &str, colour: bool) -> Option<String> {
    let wanted = words.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(';').to_lowercase();
    let name = wanted.strip_suffix("()").unwrap_or(&wanted);
    let section = find(words);
    match section {
        // A heading that says exactly the word tells more than a line.
        Some(section) if section.names.contains(&wanted) => Some(rendered(&section, colour)),
        section => functions(name, colour).or_else(|| section.map(|section| rendered(&section, colour))),
    }
}

/// The functions of a name, each with what it does.
fn functions(name: &str, colour: bool) -> Option<String> {
    let has_name = |entry: &Entry| entry.name == name || entry.aliases.iter().any(|alias| alias == name);
    let told: Vec<String> = catalogue().iter().filter(|entry| has_name(entry)).map(|entry| told(entry, colour)).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

fn told(entry: &Entry, colour: bool) -> String {
    let usage = if colour { format!("\u{1b}[1m{}\u{1b}[0m", entry.usage) } else { entry.usage.clone() };
    let mut text = format!("{usage}\n\n{} ({} function)\n", entry.about, entry.kind.name());
    if !entry.aliases.is_empty() {
        text.push_str(&format!("Also: {}\n", entry.aliases.join(", ")));
    }
    if !entry.example.is_empty() {
        text.push_str(&format!("\n    SELECT {};\n", entry.example));
    }
    text
}

/// All that sections and functions go by.
pub(crate) fn words() -> Vec<String> {
    let functions = catalogue().into_iter().flat_map(|entry| std::iter::once(entry.name).chain(entry.aliases));
    let mut words: Vec<String> = sections().into_iter().flat_map(|section| section.names).chain(functions).collect();
    words.sort();
    words.dedup();
    words
}

/// What there is, in words.
pub(crate) fn contents() -> String {
    let mut text = "There is help for:\n".to_owned();
    for section in sections() {
        text.push_str(&format!("  {}{}\n", "  ".repeat(section.level - 1), section.heading()));
    }
    text + "\\h WORD shows it, as do .help WORD and clouddb help WORD."
}

fn sections() -> Vec<Section> {
    PAGES.iter().flat_map(|(_, page)| sections_of(page)).collect()
}

/// A heading's level and text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let text = line[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then(|| (level, text.trim()))
}

fn sections_of(page: &'static str) -> Vec<Section> {
    let mut open: Vec<(usize, usize, &str)> = Vec::new();
    let mut found = Vec::new();
    let (mut offset, mut is_code) = (0, false);
    let close = |open: &mut Vec<(usize, usize, &'static str)>, level: usize, end: usize, found: &mut Vec<(usize, Section)>| {
        while let Some((above, start, text)) = open.pop_if(|(above, ..)| *above >= level) {
            found.push((start, Section { level: above, names: names(text), text: page[start..end].trim_end() }));
        }
    };
    for line in page.split_inclusive('\n') {
        if line.starts_with("```") {
            is_code = !is_code;
        }
        if let Some((level, text)) = heading(line.trim_end()).filter(|_| !is_code) {
            close(&mut open, level, offset, &mut found);
            open.push((level, offset, text));
        }
        offset += line.len();
    }
    close(&mut open, 0, offset, &mut found);
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, section)| section).collect()
}

/// What a heading names: the words up to a bracket, or several with commas between them.
fn names(heading: &str) -> Vec<String> {
    let plain = heading.replace(['`', '*'], "");
    let mut depth = 0_usize;
    let flat: String = plain
        .chars()
        .filter(|c| {
            depth += usize::from(*c == '(');
            let is_outside = depth == 0;
            depth -= usize::from(*c == ')' && depth > 0);
            is_outside
        })
        .collect();
    flat.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect()
}

impl Section {
    fn heading(&self) -> String {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim().replace('`', "")
    }
}

/// A section as a terminal shows it: without Markdown's signs, with code set in.
fn rendered(section: &Section, colour: bool) -> String {
    let bold = |text: &str| if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let mut out = String::new();
    let mut is_code = false;
    for line in section.text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            out.push_str(&format!("    {line}\n"));
        } else if let Some((_, text)) = heading(line) {
            out.push_str(&format!("{}\n", bold(&text.replace('`', ""))));
        } else {
            out.push_str(&format!("{}\n", inline(line, &bold)));
        }
    }
    out
}

/// A line without the signs for code, stress and links.
fn inline(line: &str, bold: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    for (index, part) in line.split('`').enumerate() {
        // Between backticks everything means itself.
        match index % 2 {
            1 => out.push_str(&bold(part)),
            _ => out.push_str(&without_links(&part.replace("**", ""))),
        }
    }
    out
}

/// `[text](target)` as `text`.
fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let (before, after) = rest.split_at(middle);
        let (Some(open), Some(close)) = (before.rfind('['), after.find(')')) else { break };
        out.push_str(&before[..open]);
        out.push_str(&before[open + 1..]);
        rest = &after[close + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const PAGE: &str = "# Title\nIntro.\n## SELECT\nReads `rows`, see [there](x.md).\n```sql\n# no heading\nSELECT 1;\n```\n### `date_diff(part, a)`, datediff\nDays.\n## INSERT INTO\nAdds.\n";

    #[test]
    fn sections_end_where_the_next_of_their_level_begins() {
        let found = sections_of(PAGE);
        let names: Vec<&str> = found.iter().map(|section| section.names[0].as_str()).collect();
        assert_eq!(names, ["title", "select", "date_diff", "insert into"]);
        assert!(found[1].text.contains("Days.") && !found[1].text.contains("Adds."));
        assert_eq!(found[2].names, ["date_diff", "datediff"]);
        assert_eq!(
            rendered(&found[1], false),
            "SELECT\nReads rows, see there.\n    # no heading\n    SELECT 1;\ndate_diff(part, a), datediff\nDays.\n"
        );
    }

    #[test]
    fn the_book_is_there_and_knows_its_first_words() {
        assert!(find("select").unwrap().text.contains("SELECT") && find("EXPLAIN analyze").is_some());
        assert_eq!(find("no such thing at all"), None);
        assert!(contents().contains("SELECT"));
    }
}
