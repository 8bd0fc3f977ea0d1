//! A report as one HTML file that needs nothing else: facts, plots, tables.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::plot::{self, Curve, Ratio};
use crate::error::{Context, Result};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1240px;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem}h2{font-size:1.15rem;margin:2.2rem 0 .2rem}p{color:#555;margin:.2rem 0 .6rem}svg{width:100%;height:auto}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}td,th{padding:.15rem .7rem;text-align:right;\
border-bottom:1px solid #e4e4e4}td:first-child,th:first-child{text-align:left}th{border-bottom:2px solid #999;vertical-align:bottom}\
tr:hover td{background:#f4f6f8}.scroll{overflow-x:auto}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}\
dt{color:#777}dd{margin:0}.good{color:#2e7d5a}.bad{color:#c44e3c}";

/// A page under construction.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    facts: Vec<(String, String)>,
    body: String,
}

impl Page {
    /// An empty page, which says where it was made.
    pub fn new(title: &str) -> Self {
        let mut page = Self { title: title.to_owned(), facts: Vec::new(), body: String::new() };
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let machine = format!("{cores} cores, {}, {} {}", processor(), std::env::consts::OS, std::env::consts::ARCH);
        page.fact("machine", &machine);
        if cfg!(debug_assertions) {
            page.fact("warning", "built without optimization: these numbers mean nothing");
        }
        page
    }

    /// Says something above everything else.
    pub fn fact(&mut self, name: &str, value: &str) {
        self.facts.push((name.to_owned(), value.to_owned()));
    }

    /// Ratios, query by query. Nothing, if there are none.
    ///
    /// # Errors
    /// When drawing fails.
    pub fn ratios(&mut self, heading: &str, note: &str, ratios: &[Ratio]) -> Result<()> {
        if ratios.iter().any(|ratio| ratio.value.is_some()) {
            self.section(heading, note, &plot::ratios(ratios)?);
        }
        Ok(())
    }

    /// A bar for each engine. Nothing, if there are no values.
    ///
    /// # Errors
    /// When drawing fails.
    pub fn bars(&mut self, heading: &str, note: &str, values: &[Ratio]) -> Result<()> {
        if values.iter().any(|value| value.value.is_some_and(f64::is_finite)) {
            self.section(heading, note, &plot::bars(values)?);
        }
        Ok(())
    }

    /// A line for each engine. Nothing, if there are no values.
    ///
    /// # Errors
    /// When drawing fails.
    pub fn curves(&mut self, heading: &str, note: &str, curves: &[Curve]) -> Result<()> {
        if curves.iter().any(|curve| curve.values.iter().any(|value| value.is_finite())) {
            self.section(heading, note, &plot::curves(curves)?);
        }
        Ok(())
    }

    /// A table. Cells of columns with a ratio in their names are coloured by it.
    pub fn table(&mut self, heading: &str, note: &str, header: &[String], lines: &[Vec<String>]) {
        let mut table = "<div class=\"scroll\"><table><tr>".to_owned();
        for name in header {
            let _ = write!(table, "<th>{}</th>", escaped(name));
        }
        table.push_str("</tr>");
        for line in lines {
            table.push_str("<tr>");
            for (cell, name) in line.iter().zip(header) {
                let class = match (name.contains(" / "), cell.parse::<f64>()) {
                    (true, Ok(ratio)) if ratio <= 1.0 => " class=\"good\"",
                    (true, Ok(_)) => " class=\"bad\"",
                    _ if matches!(cell.as_str(), "DIFFERS" | "failed") => " class=\"bad\"",
                    _ => "",
                };
                let _ = write!(table, "<td{class}>{}</td>", escaped(cell));
            }
            table.push_str("</tr>");
        }
        table.push_str("</table></div>");
        self.section(heading, note, &table);
    }

    fn section(&mut self, heading: &str, note: &str, content: &str) {
        let _ = writeln!(self.body, "<h2>{}</h2><p>{}</p>{content}", escaped(heading), escaped(note));
    }

    /// Writes it and says so.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(format!("making the folder {}", folder.display()))?;
        }
        fs::write(path, self.html()).context(format!("writing {}", path.display()))?;
        println!("wrote {}", path.display());
        Ok(())
    }

    fn html(&self) -> String {
        let title = escaped(&self.title);
        let facts: String =
            self.facts.iter().map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value))).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\n\
             <h1>{title}</h1><dl>{facts}</dl>\n{}</html>\n",
            self.body
        )
    }
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    known.unwrap_or_else(|| "unknown processor".to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_everything_in_it() -> Result<()> {
        let ratio = |name: &str, value| Ratio { name: name.to_owned(), value };
        let mut page = Page::new("a < b");
        page.fact("answers", "all agree");
        page.ratios("Ratios", "below is faster", &[ratio("Q1", Some(0.5)), ratio("Q2", None)])?;
        page.ratios("Nothing", "", &[ratio("Q1", None)])?;
        page.table("All", "", &["query".to_owned(), "a / b".to_owned()], &[vec!["Q1".to_owned(), "1.50".to_owned()]]);
        let html = page.html();
        for text in ["<h1>a &lt; b</h1>", "<dd>all agree</dd>", "<svg", "<td class=\"bad\">1.50</td>", "cores"] {
            assert!(html.contains(text), "{text}");
        }
        assert!(!html.contains("Nothing") && !html.contains("http-equiv") && !html.contains("src="));
        Ok(())
    }
}
