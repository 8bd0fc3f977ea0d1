//! Commands about files, places and other programs.

use std::process::Command;

use futures::future::LocalBoxFuture;

use super::{ANY, Action, Definition, Given};
use crate::args::Source;
use crate::failure::{Failure, Result};
use crate::run::{self, Runner};
use crate::words::{quoted_name, quoted_text};

pub(super) const COMMANDS: &[Definition] = &[
    Definition {
        names: &[".open", "\\c", "\\connect"],
        arguments: "[LOCATION] [--readonly]",
        words: (0, 2),
        about: "Go on with another database; without a location, with one in memory",
        action: Action::Later(open),
    },
    Definition {
        names: &[".read", "\\i", "\\include", "\\ir"],
        arguments: "FILE",
        words: (1, 1),
        about: "Run the statements and commands in a file",
        action: Action::Later(read),
    },
    Definition {
        names: &[".import"],
        arguments: "[--csv | --json | --parquet] [--skip LINES] [--schema SCHEMA] FILE TABLE",
        words: (2, 7),
        about: "Load a file into a table, which is made if there is none",
        action: Action::Later(import),
    },
    Definition {
        names: &["\\copy"],
        arguments: "TABLE FROM|TO FILE ...",
        words: (1, ANY),
        about: "The same as COPY: files are this machine's either way",
        action: Action::Sql(|given| format!("COPY {}", given.rest)),
    },
    Definition {
        names: &["\\e", "\\edit", ".edit"],
        arguments: "[FILE]",
        words: (0, 1),
        about: "Edit the statement before, or a file, with VISUAL or EDITOR, and run what comes out",
        action: Action::Later(edit),
    },
    Definition {
        names: &[".shell", ".system", ".sh", "\\!"],
        arguments: "COMMAND",
        words: (1, ANY),
        about: "Run a command of the system's shell",
        action: Action::Now(shell),
    },
    Definition {
        names: &[".cd", "\\cd"],
        arguments: "FOLDER",
        words: (1, 1),
        about: "Change the folder that names of files are looked up in",
        action: Action::Now(|_, given| {
            let folder = given.word(0).unwrap_or_default();
            std::env::set_current_dir(folder).map_err(|error| Failure::Message(format!("cannot go to '{folder}': {error}")))
        }),
    },
];

fn open<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (options, places): (Vec<&str>, Vec<&str>) = given.words.iter().map(String::as_str).partition(|word| word.starts_with("--"));
        if let Some(other) = options.iter().find(|option| **option != "--readonly") {
            return Err(given.wrong(&format!("{} knows no option {other}", given.name)));
        }
        match places.as_slice() {
            [] => runner.reopen(None, !options.is_empty()).await,
            [place] => runner.reopen(Some(place), !options.is_empty()).await,
            _ => Err(given.wrong("one database is open at a time")),
        }
    })
}

/// How deep files may read each other: one that reads itself should end with an error.
const MOST_FILES: usize = 50;

fn read<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if runner.depth >= MOST_FILES {
            return Err(Failure::Message(format!("files that read files are {MOST_FILES} deep: does one read itself?")));
        }
        let source = Source::File(given.word(0).unwrap_or_default().into());
        runner.depth += 1;
        let result = run::run_source(runner, &source).await;
        runner.depth -= 1;
        result
    })
}

/// What `.import` was asked for.
#[derive(Default)]
struct Import {
    /// `--csv` and its like: what else the name tells.
    format: Option<&'static str>,
    skip: Option<u64>,
    schema: Option<String>,
    /// The file, then the table.
    places: Vec<String>,
}

impl Import {
    fn understand(given: &Given) -> Result<Self> {
        let mut import = Self::default();
        let mut words = given.words.iter();
        while let Some(word) = words.next() {
            let option = word.strip_prefix('-').map(|option| option.trim_start_matches('-'));
            let mut value = || words.next().ok_or_else(|| given.wrong(&format!("{word} needs a value")));
            match option {
                None => import.places.push(word.clone()),
                Some("csv") => import.format = Some("csv"),
                Some("json") => import.format = Some("json"),
                Some("parquet") => import.format = Some("parquet"),
                Some("skip") => {
                    let lines = value()?;
                    import.skip = Some(lines.parse().map_err(|_| given.wrong(&format!("'{lines}' is no number of lines")))?);
                }
                Some("schema") => import.schema = Some(value()?.clone()),
                Some(_) => return Err(given.wrong(&format!("{} knows no option {word}", given.name))),
            }
        }
        match import.places.len() {
            2 => Ok(import),
            _ => Err(given.wrong("a file and a table are needed")),
        }
    }
}

fn import<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let import = Import::understand(given)?;
        let [file, table] = import.places.as_slice() else { return Err(given.wrong("a file and a table are needed")) };
        let table = import.schema.iter().cloned().chain([table.clone()]).collect::<Vec<_>>().join(".");
        let (schema, name) = match table.split_once('.') {
            Some((schema, name)) => (format!("lower(table_schema) = lower({})", quoted_text(schema)), name),
            None => ("true".to_owned(), table.as_str()),
        };
        let found = format!("SELECT 1 FROM information_schema.tables WHERE {schema} AND lower(table_name) = lower({})", quoted_text(name));
        let table: Vec<String> = table.split('.').map(quoted_name).collect();
        let (table, file) = (table.join("."), quoted_text(file));
        // Lines that are skipped are lines of CSV, whatever the file is called.
        let format = import.format.or_else(|| import.skip.map(|_| "csv"));
        let sql = match (runner.rows(&found).await?.is_empty(), format) {
            (true, None) => format!("CREATE TABLE {table} AS SELECT * FROM {file}"),
            (true, Some(format)) => {
                let skip = import.skip.map(|lines| format!(", skip = {lines}")).unwrap_or_default();
                format!("CREATE TABLE {table} AS SELECT * FROM read_{format}({file}{skip})")
            }
            (false, None) => format!("COPY {table} FROM {file}"),
            (false, Some(format)) => {
                let skip = import.skip.map(|lines| format!(", SKIP {lines}")).unwrap_or_default();
                format!("COPY {table} FROM {file} (FORMAT {format}{skip})")
            }
        };
        runner.statement(&sql).await
    })
}

fn edit<'a>(runner: &'a mut Runner, given: &'a Given) -> LocalBoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let cannot = |error: std::io::Error| Failure::Message(format!("cannot edit: {error}"));
        let before = match (&given.about, &runner.previous) {
            (Some(statement), _) => format!("{}\n", statement.sql),
            (None, Some(previous)) => format!("{previous};\n"),
            (None, None) => String::new(),
        };
        let temporary = tempfile::Builder::new().prefix("clouddb-").suffix(".sql").tempfile().map_err(cannot)?;
        let path = match given.word(0) {
            Some(file) => file.into(),
            None => temporary.path().to_path_buf(),
        };
        if given.word(0).is_none() {
            std::fs::write(&path, &before).map_err(cannot)?;
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let editor = variable("VISUAL").or_else(|| variable("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        // The variable may hold arguments, so that the shell cuts it.
        let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&path).status().map_err(cannot)?;
        if !status.success() {
            return Err(Failure::Message(format!("the editor '{editor}' ended with {status}; nothing is run")));
        }
        let text = std::fs::read_to_string(&path).map_err(cannot)?;
        if text.trim().is_empty() || (given.word(0).is_none() && given.about.is_none() && text == before) {
            runner.tell("nothing was changed, nothing is run");
            return Ok(());
        }
        runner.edited = Some(text.trim().to_owned());
        runner.tell(text.trim());
        run::run_source(runner, &Source::Text(text)).await
    })
}

fn shell(runner: &mut Runner, given: &Given) -> Result<()> {
    std::io::Write::flush(&mut runner.out)?;
    let status = Command::new("sh").args(["-c", &given.rest]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Message(format!("'{}' ended with {status}", given.rest))),
        Err(error) => Err(Failure::Message(format!("cannot run '{}': {error}", given.rest))),
    }
}
