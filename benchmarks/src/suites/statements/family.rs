//! The statements, from their files.

use std::path::Path;

use crate::error::{Context, Error, Result};

/// What stands above a statement whose difference is explained, and its key.
const DIFFERS: &str = "-- differs:";

/// Statements of one kind.
pub(super) struct Family {
    pub(super) name: String,
    pub(super) statements: Vec<Statement>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Without the semicolon at its end.
    pub(super) sql: String,
    /// What the book calls its difference from DuckDB.
    pub(super) differs: Option<String>,
}

/// Reads the file called `setup`, and the chosen ones of the others.
///
/// # Errors
/// When the folder or a file cannot be read, or has not the families that are wanted.
pub(super) fn read(folder: &Path, setup: &str, chosen: &[String]) -> Result<(Family, Vec<Family>)> {
    let mut families = Vec::new();
    for entry in std::fs::read_dir(folder).context(format!("reading the folder {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "sql") {
            let name = path.file_stem().and_then(|name| name.to_str()).context("a file's name is not UTF-8")?.to_owned();
            let text = std::fs::read_to_string(&path).context(format!("reading {}", path.display()))?;
            families.push(Family { name, statements: statements(&text) });
        }
    }
    families.sort_by(|left, right| left.name.cmp(&right.name));
    if let Some(unknown) = chosen.iter().find(|wanted| families.iter().all(|family| family.name != **wanted)) {
        return Err(Error::new(format!("{} has no file {unknown}.sql", folder.display())));
    }
    let position = families.iter().position(|family| family.name == setup);
    let setup = families.remove(position.context(format!("{} has no file {setup}.sql", folder.display()))?);
    families.retain(|family| chosen.is_empty() || chosen.contains(&family.name));
    Ok((setup, families))
}

/// A statement ends where a line ends with a semicolon; lines that begin with `--` stand between statements.
fn statements(text: &str) -> Vec<Statement> {
    let (mut statements, mut sql, mut differs) = (Vec::new(), String::new(), None);
    for line in text.lines() {
        if sql.is_empty() && line.starts_with("--") {
            if let Some(key) = line.strip_prefix(DIFFERS) {
                differs = Some(key.trim().to_owned());
            }
            continue;
        }
        if !sql.is_empty() {
            sql.push('\n');
        }
        sql.push_str(line);
        let trimmed = sql.trim();
        if let Some(whole) = trimmed.strip_suffix(';') {
            statements.push(Statement { sql: whole.to_owned(), differs: differs.take() });
            sql.clear();
        } else if trimmed.is_empty() {
            sql.clear();
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_the_end_of_a_line() {
        let text = "-- About.\nSELECT ';', 1;\n\n-- differs: a reason\nSELECT 2 -- two;\n  + 3;\nSELECT 4;\n";
        let statement = |sql: &str, differs: Option<&str>| Statement { sql: sql.to_owned(), differs: differs.map(str::to_owned) };
        let expected = [
            statement("SELECT ';', 1", None),
            statement("SELECT 2 -- two", Some("a reason")),
            statement("+ 3", None),
            statement("SELECT 4", None),
        ];
        assert_eq!(statements(text), expected);
    }
}
