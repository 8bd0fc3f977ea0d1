//! `clouddb completions` and `clouddb man`: made from the definitions of the arguments, so that they are never behind them.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::failure::Result;

/// Writes the script that completes arguments in a shell.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "clouddb", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

/// Writes the manual page.
pub(crate) fn man() -> Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(())
}
