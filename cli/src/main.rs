//! The `clouddb` command: a SQL shell and tools for CloudDB databases.
//!
//! `args` says what is understood; `run` and `shell` carry out SQL, `dot` the shell's own commands, `commands` the rest; `render` writes results, `line` is
//! what somebody types at the prompt, `book` what the program can explain. This program decides nothing about data: that is the engine's and the storage's
//! business.

mod args;
mod book;
mod commands;
mod dot;
mod failure;
mod input;
mod interrupt;
mod line;
mod output;
mod progress;
mod render;
mod run;
mod script;
mod settings;
mod shell;
mod variables;
mod warnings;
mod words;

use std::process::ExitCode;

use args::{Cli, Command};
use failure::{Failure, Result};

/// Quicker than the system's allocator when many threads decode, and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of stack for every thread.
const STACK: usize = clouddb_engine::THREAD_STACK_BYTES;

/// How long a process that failed waits for its threads: removing files takes a moment, and longer nobody waits gladly.
const TIDYING: std::time::Duration = std::time::Duration::from_millis(200);

fn main() -> ExitCode {
    let cli = Cli::parse_process();
    // What needs neither a database nor threads is done at once.
    let told_only = match &cli.command {
        Some(Command::Help(args)) => Some(commands::help::run(args)),
        Some(Command::Completions(args)) => Some(commands::generate::completions(args)),
        Some(Command::Man) => Some(commands::generate::man()),
        _ => None,
    };
    if let Some(result) = told_only {
        return ExitCode::from(status(result));
    }
    warnings::show();
    // The first thread's stack is as large as the system says; this one is as large as needed.
    let thread = std::thread::Builder::new().name("clouddb".to_owned()).stack_size(STACK).spawn(move || start(cli));
    let status = match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => status,
        // The panic's message is on standard error already.
        Ok(Err(_)) => 1,
        Err(error) => told(&Failure::Message(format!("cannot start a thread: {error}"))),
    };
    ExitCode::from(status)
}

/// Runs what was asked for; returns the exit status. Failures are on standard error by then.
fn start(cli: Cli) -> u8 {
    let threads = cli.shell.threads.map_or_else(cores, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_stack_size(STACK).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return told(&Failure::Message(format!("cannot start the runtime: {error}"))),
    };
    let status = runtime.block_on(async {
        match &cli.command {
            Some(command) => status(run_command(command).await),
            None => run::run(&cli.shell, &cli.common, threads).await,
        }
    });
    match status {
        // A thread that waits for input or a slow store must not keep the process.
        0 => runtime.shutdown_background(),
        // What was interrupted has files to remove that it did not finish.
        _ => runtime.shutdown_timeout(TIDYING),
    }
    status
}

async fn run_command(command: &Command) -> Result<()> {
    match command {
        Command::Info(args) => commands::info::run(args).await,
        Command::Log(args) => commands::log::run(args).await,
        Command::Verify(args) => commands::verify::run(args).await,
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Help(args) => commands::help::run(args),
        Command::Completions(args) => commands::generate::completions(args),
        Command::Man => commands::generate::man(),
    }
}

fn status(result: Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(failure) => told(&failure),
    }
}

fn told(failure: &Failure) -> u8 {
    failure.report(None);
    failure.exit_status()
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
