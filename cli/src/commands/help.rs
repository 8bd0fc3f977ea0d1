//! `clouddb help`: what the book says of a word, and what the shell's commands do.

use crate::args::HelpArgs;
use crate::failure::{Failure, Result};
use crate::{book, dot, output, words};

pub(crate) fn run(args: &HelpArgs) -> Result<()> {
    let word = args.words.join(" ");
    if word.is_empty() {
        return write("clouddb --help tells of arguments, .help at the prompt of its commands.\n\n", &book::contents());
    }
    if let Some(text) = book::text_about(&word, output::wants_colour()) {
        return write("", &text);
    }
    if let Some(definition) = dot::find(&word) {
        return write("", &format!("{}\n  {}", definition.usage(), definition.about));
    }
    let hint = match words::meant(&word.to_ascii_lowercase(), book::words().iter().map(String::as_str)).as_slice() {
        [] => "clouddb help lists what there is help for".to_owned(),
        near => format!("there is for {}", near.join(", ")),
    };
    Err(Failure::Message(format!("there is no help for '{word}'\nhint: {hint}")))
}

fn write(before: &str, text: &str) -> Result<()> {
    use std::io::Write;
    let mut out = output::stdout();
    writeln!(out, "{before}{}", text.trim_end())?;
    out.flush()?;
    Ok(())
}
