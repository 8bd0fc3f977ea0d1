//! The command line's arguments: what is accepted, what it means, what `--help` says.
//!
//! Knows nothing of what is done with them. Sizes and `KEY=VALUE` pairs are checked here, so that a slip is told before anything is opened.

use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::render::Format;

/// What `clouddb` was asked to do.
#[derive(Debug, Parser)]
#[command(
    name = "clouddb",
    version,
    about = "A transactional SQL database in a folder or a bucket",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = AFTER_HELP,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) shell: ShellArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

const AFTER_HELP: &str = "\
SQL comes from -c and -f, in the order given; else from standard input; else, when that is a terminal, from a prompt.
Each statement's answer is written as it ends. The first error stops everything: it is told on standard error, with its
line and statement, and the exit status is 1 (2 for wrong arguments, 130 when interrupted, 141 when the reader of the
output went away).

A word that is a command (info, log, verify, demo, help, ...) is the command; a folder of that name is ./info, ./log and so on.

The prompt and scripts know commands of DuckDB's and psql's kind (.help lists them), and SQL is explained by .help WORD, or clouddb help WORD.
The prompt reads ~/.clouddbrc when it starts. Colours end with NO_COLOR, CLICOLOR=0 or --no-color.

Stores: a folder, file:///folder, memory://, s3://bucket/prefix (MinIO and others: --option aws_endpoint=http://...).
Credentials and regions come from the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, ...) or from --option KEY=VALUE.

Examples:
  clouddb demo                                        a tour with data made on the spot
  clouddb shop.db                                     a prompt on a folder
  clouddb shop.db \"FROM sales\"                        one statement
  clouddb shop.db -c \"COPY sales FROM 'sales.csv'\"    one statement
  clouddb s3://bucket/shop --format csv < report.sql > report.csv";

/// What runs SQL: the shell and scripts.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShellArgs {
    /// The database: a folder or a URL. Left out: a database in memory, gone at the end.
    #[arg(value_name = "DATABASE")]
    pub(crate) database: Option<String>,
    /// SQL to run on it and end, as -c does.
    #[arg(value_name = "SQL", id = "statement")]
    statement: Vec<String>,
    /// Run this SQL and end. Can be given several times.
    #[arg(short = 'c', long = "command", value_name = "SQL", id = "sql", allow_hyphen_values = true)]
    sql: Vec<String>,
    /// Run the SQL in this file and end; `-` is standard input. Can be given several times.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Write answers into this file, as .output does; '|PROGRAM' is a program that reads them.
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<String>,
    /// Set a variable, which :NAME, :'NAME' and :"NAME" stand for in SQL and commands. Can be given several times.
    #[arg(short = 'v', long = "variable", visible_alias = "set", value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub(crate) variables: Vec<(String, String)>,
    /// How results are written.
    #[arg(long, visible_alias = "mode", value_name = "FORMAT", value_enum, default_value_t = Format::Box)]
    pub(crate) format: Format,
    /// Rows that a box shows: the first and the last of them; 0 shows all. Other formats always write all rows.
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) max_rows: usize,
    /// Columns that a box may take. Default: as many as the terminal has; no limit in a pipe or a file.
    #[arg(long, value_name = "N")]
    pub(crate) max_width: Option<usize>,
    /// What is written for NULL. Default: what the format has for it.
    #[arg(long, visible_alias = "nullvalue", value_name = "TEXT")]
    pub(crate) null_value: Option<String>,
    /// What stands between values in list and csv.
    #[arg(long, value_name = "TEXT")]
    pub(crate) separator: Option<String>,
    /// Write no names of columns.
    #[arg(long, visible_alias = "noheader")]
    pub(crate) no_headers: bool,
    /// Write each statement before its answer.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Go on after an error; the exit status is 1 all the same.
    #[arg(long, conflicts_with = "bail")]
    pub(crate) continue_on_error: bool,
    /// Stop at the first error: the default of scripts.
    #[arg(long)]
    pub(crate) bail: bool,
    /// Run this file first, in place of ~/.clouddbrc.
    #[arg(long, value_name = "FILE")]
    pub(crate) init: Option<PathBuf>,
    /// Do not read ~/.clouddbrc.
    #[arg(long, conflicts_with = "init")]
    pub(crate) no_init: bool,
    /// Use no colours.
    #[arg(long, visible_alias = "no-colour")]
    pub(crate) no_color: bool,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Change nothing in the database, create none.
    #[arg(long, conflicts_with = "must_exist")]
    pub(crate) readonly: bool,
    /// Fail if there is no database, instead of creating it at the first write.
    #[arg(long)]
    pub(crate) must_exist: bool,
    /// Threads that queries and loads run on. Default: as many as there are cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Memory that all queries and loads may take, as 512MiB or 4GB; beyond it they spill to disk where they can, or fail. SET memory_limit changes it.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory_limit: Option<u64>,
    /// The same for one statement alone. SET query_memory_limit changes it.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) query_memory_limit: Option<u64>,
    /// How long a statement may run, as 500ms, 10s or 5min; 0 is as long as it takes, the default. SET statement_timeout changes it.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) statement_timeout: Option<Limit>,
    /// Memory for decoded columns that are kept between statements, as 4GiB; 0 keeps none. Default: 1GiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_size_or_none)]
    pub(crate) cache_size: Option<u64>,
    /// A folder on a fast local disk for what is read of tables in a bucket: a later run need not fetch it again. Runs can share it. Default: none.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Disk space that --cache-dir may take; what was not used for longest goes first. Default: 10GiB.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, requires = "cache_dir")]
    pub(crate) cache_dir_size: Option<u64>,
    /// Memory for results of queries: the same query on the same snapshot is answered from there. Default: none.
    #[arg(long, value_name = "SIZE", value_parser = parse_size_or_none)]
    pub(crate) result_cache_size: Option<u64>,
    /// Tell on standard error how long each statement took; the prompt does so without.
    #[arg(long)]
    pub(crate) timer: bool,
    /// What -c and -f gave, in the order given.
    #[arg(skip)]
    pub(crate) sources: Vec<Source>,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct CommonArgs {
    /// An option of the store, as `aws_region=eu-west-1`. Can be given several times.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub(crate) store_options: Vec<(String, String)>,
}

/// A limit on time; none is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<std::time::Duration>);

/// A piece of SQL to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// From `-c`.
    Text(String),
    /// From `-f`.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// The commands besides SQL.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a database is: its tables, their sizes, its newest snapshot
    Info(InfoArgs),
    /// Show the history: every commit, the newest first
    Log(LogArgs),
    /// Read every live object and check every checksum and count; the exit status is 1 if anything is wrong
    Verify(VerifyArgs),
    /// A tour of a minute: make data, load it, query it, a transaction, time travel
    Demo(DemoArgs),
    /// Explain a statement, a function, a type or a setting of SQL, or a command of the shell
    Help(HelpArgs),
    /// Write a script that makes a shell complete this program's arguments
    Completions(CompletionsArgs),
    /// Write the manual page, for man(1)
    Man,
}

/// Arguments of `clouddb help`.
#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// What to explain, as SELECT or date_diff; left out: what there is.
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}

/// Arguments of `clouddb completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Arguments of `clouddb info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// The database: a folder or a URL.
    pub(crate) database: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Arguments of `clouddb log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The database: a folder or a URL.
    pub(crate) database: String,
    /// How many commits to show; 0 shows all.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Arguments of `clouddb verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The database: a folder or a URL.
    pub(crate) database: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Arguments of `clouddb demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the demo's database goes: a folder or URL without a database. Default: a fresh temporary folder.
    pub(crate) database: Option<String>,
    /// TPC-H scale factor: 1 is 8.7 million rows.
    #[arg(long, value_name = "FACTOR", default_value_t = DEMO_SCALE, value_parser = parse_scale)]
    pub(crate) scale: f64,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// 870,000 rows: enough that queries have something to do, little enough that a slow machine is done in seconds.
const DEMO_SCALE: f64 = 0.1;

impl Cli {
    /// The process's arguments; ends the process with a message where they are wrong, or where `--help` or `--version` is asked for.
    pub(crate) fn parse_process() -> Self {
        let matches = Self::command().get_matches_from(std::env::args_os().map(familiar));
        Self::from_arg_matches(&matches).map(|cli| cli.with_sources_of(&matches)).unwrap_or_else(|error| error.exit())
    }

    fn with_sources_of(mut self, matches: &ArgMatches) -> Self {
        let positions = |id: &str| matches.indices_of(id).into_iter().flatten().collect::<Vec<_>>();
        let texts = self.shell.sql.iter().map(|sql| Source::Text(sql.clone())).zip(positions("sql"));
        let files = self.shell.file.iter().map(|path| match path.as_os_str() == "-" {
            true => Source::Stdin,
            false => Source::File(path.clone()),
        });
        let words = self.shell.statement.iter().map(|sql| Source::Text(sql.clone())).zip(positions("statement"));
        let mut sources: Vec<(Source, usize)> = texts.chain(files.zip(positions("file"))).chain(words).collect();
        sources.sort_by_key(|(_, position)| *position);
        self.shell.sources = sources.into_iter().map(|(source, _)| source).collect();
        self
    }
}

/// Options as DuckDB and sqlite write them, with one dash, and as psql does; and what they are called here.
const FAMILIAR: &[(&str, &str)] = &[
    ("--csv", "--format=csv"),
    ("-A", "--format=list"),
    ("-H", "--format=html"),
    ("-X", "--no-init"),
    ("-t", "--no-headers"),
    ("-x", "--format=line"),
    ("-ascii", "--format=ascii"),
    ("-bail", "--bail"),
    ("-box", "--format=box"),
    ("-cmd", "--command"),
    ("-column", "--format=column"),
    ("-csv", "--format=csv"),
    ("-echo", "--echo"),
    ("-file", "--file"),
    ("-help", "--help"),
    ("-html", "--format=html"),
    ("-init", "--init"),
    ("-insert", "--format=insert"),
    ("-json", "--format=json"),
    ("-jsonlines", "--format=jsonl"),
    ("-line", "--format=line"),
    ("-list", "--format=list"),
    ("-markdown", "--format=markdown"),
    ("-no-init", "--no-init"),
    ("-noheader", "--no-headers"),
    ("-nullvalue", "--null-value"),
    ("-readonly", "--readonly"),
    ("-separator", "--separator"),
    ("-table", "--format=table"),
    ("-version", "--version"),
];

/// An argument in this program's spelling. Without this, `-csv` would be the SQL `sv`.
fn familiar(argument: std::ffi::OsString) -> std::ffi::OsString {
    match FAMILIAR.iter().find(|(name, _)| argument == *name) {
        Some((_, ours)) => (*ours).into(),
        None => argument,
    }
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it must be KEY=VALUE, as aws_region=eu-west-1".to_owned()),
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match crate::variables::is_name(name) {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err("it must be NAME=VALUE, as day=2024-01-31; a name has letters, digits and _".to_owned()),
    }
}

fn parse_scale(text: &str) -> Result<f64, String> {
    // Beyond 10 a demo is no demo any more: that is what benchmarks are for.
    match text.parse::<f64>() {
        Ok(scale) if (0.001..=10.0).contains(&scale) => Ok(scale),
        _ => Err("it must be a number from 0.001 to 10".to_owned()),
    }
}

/// Bytes, as the engine reads them in SET.
fn parse_size(text: &str) -> Result<u64, String> {
    clouddb_engine::parse_size(text).map_err(|error| error.message().to_owned())
}

/// A duration, as the engine reads it in SET; 0 is no limit. A number alone could mean seconds as well as milliseconds, and is refused.
fn parse_duration(text: &str) -> Result<Limit, String> {
    let number = text.trim();
    if number.parse::<f64>().is_ok_and(|number| number > 0.0) {
        return Err(format!("a time has a unit: {number}s is seconds, {number}ms milliseconds"));
    }
    clouddb_engine::parse_duration(text).map(Limit).map_err(|error| error.message().to_owned())
}

/// A size, or 0 for nothing.
fn parse_size_or_none(text: &str) -> Result<u64, String> {
    if text.trim() == "0" { Ok(0) } else { parse_size(text) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        let matches = Cli::command().try_get_matches_from([&["clouddb"], args].concat())?;
        Cli::from_arg_matches(&matches).map(|cli| cli.with_sources_of(&matches))
    }

    #[test]
    fn definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sql_may_stand_behind_the_database_and_look_like_an_option() {
        let cli = parse(&["db", "select 1", "-c", "-- a comment"]).unwrap();
        assert_eq!(cli.shell.sources, [Source::Text("select 1".to_owned()), Source::Text("-- a comment".to_owned())]);
        assert_eq!(parse(&["-v", "day=1=2", "-o", "x"]).unwrap().shell.variables, [("day".to_owned(), "1=2".to_owned())]);
        assert!(parse(&["-v", "a b=1"]).is_err());
    }

    #[test]
    fn sql_and_files_keep_their_order() {
        let cli = parse(&["db", "-c", "select 1", "-f", "a.sql", "-c", "select 2", "-f", "-"]).unwrap();
        let text = |sql: &str| Source::Text(sql.to_owned());
        assert_eq!(cli.shell.sources, [text("select 1"), Source::File("a.sql".into()), text("select 2"), Source::Stdin]);
        assert_eq!(cli.shell.database.as_deref(), Some("db"));
    }

    #[test]
    fn commands_and_folders_of_the_same_name() {
        assert!(matches!(parse(&["demo"]).unwrap().command, Some(Command::Demo(_))));
        let folder = parse(&["./demo"]).unwrap();
        assert!(folder.command.is_none());
        assert_eq!(folder.shell.database.as_deref(), Some("./demo"));
        assert!(parse(&["info"]).is_err());
    }

    #[test]
    fn options_of_the_store() {
        let cli = parse(&["log", "db", "--option", "a=b=c", "--option", "k=", "-n", "5"]).unwrap();
        let Some(Command::Log(log)) = cli.command else { unreachable!("it is the log command") };
        assert_eq!(log.common.store_options, [("a".to_owned(), "b=c".to_owned()), ("k".to_owned(), String::new())]);
        assert_eq!(log.limit, 5);
        assert!(parse(&["--option", "nothing"]).is_err());
    }

    #[test]
    fn options_of_other_shells_are_known() {
        assert_eq!(familiar("-csv".into()), "--format=csv");
        assert_eq!(familiar("-c".into()), "-c");
        for (_, ours) in FAMILIAR {
            let name = ours.trim_start_matches('-').split('=').next().unwrap();
            let command = Cli::command();
            let is_known = command.get_arguments().any(|argument| {
                argument.get_long() == Some(name) || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
            });
            assert!(is_known || ["help", "version"].contains(&name), "{ours}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("123"), Ok(123));
        assert_eq!(parse_size("2KB"), Ok(2000));
        assert_eq!(parse_size("1.5 GiB"), Ok(3 << 29));
        assert_eq!(parse_size("4g"), Ok(4 << 30));
        assert_eq!((parse_size_or_none("0"), parse_size_or_none("1k")), (Ok(0), Ok(1024)));
        assert!(parse_size("0").is_err());
    }

    #[test]
    fn limits_of_statements() {
        let cli = parse(&["--statement-timeout", "10s", "--query-memory-limit", "2GiB", "--memory-limit", "4GiB"]).unwrap();
        assert_eq!(cli.shell.statement_timeout.unwrap().0, Some(std::time::Duration::from_secs(10)));
        assert_eq!((cli.shell.query_memory_limit, cli.shell.memory_limit), (Some(2 << 30), Some(4 << 30)));
        assert_eq!(parse(&["--statement-timeout", "0"]).unwrap().shell.statement_timeout.unwrap().0, None);
        assert!(parse_duration("5").unwrap_err().contains("5s"));
        for wrong in ["soon", "-1", "5 parsecs"] {
            assert!(parse(&["--statement-timeout", wrong]).is_err(), "{wrong}");
        }
    }
}
